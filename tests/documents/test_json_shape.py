"""A value of JSON is compared with the type that its reader relies on."""

from typing import Any, NotRequired, TypedDict

import pytest

from edgebake.documents import json_shape
from edgebake.measurement import Measurement


class Report(TypedDict):
    variant: str
    metrics: dict[str, Measurement]
    note: NotRequired[str | None]


SOUND = {"variant": "v", "metrics": {"size_mb": {"value": 1, "unit": "MB", "where": "file"}}}


def test_a_sound_value_may_have_more_keys() -> None:
    assert json_shape.problem({**SOUND, "more": 1, "note": None}, Report) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "null; expected a mapping"),
        ([SOUND], "a list; expected a mapping"),
        ({"metrics": {}}, "variant: missing"),
        ({**SOUND, "variant": True}, "variant: true; expected a text"),
        ({**SOUND, "note": 3}, "note: 3; expected a text"),
        ({**SOUND, "metrics": {"a": {"value": 1, "unit": "s"}}}, "metrics.a.where: missing"),
        (
            {**SOUND, "metrics": {"a": {"value": "1", "unit": "s", "where": "x"}}},
            "metrics.a.value: '1'; expected a number",
        ),
        (
            {**SOUND, "metrics": {"a": {"value": 1, "unit": "s", "where": "x", "y": 1}}},
            "metrics.a.y: unknown key",
        ),
    ],
)
def test_the_first_part_that_does_not_fit_is_named(value: Any, problem: str) -> None:
    assert json_shape.problem(value, Report) == problem


def test_elements_of_lists_are_numbered() -> None:
    assert json_shape.problem([1, 2.5, "3"], list[float]) == "[2]: '3'; expected a number"
