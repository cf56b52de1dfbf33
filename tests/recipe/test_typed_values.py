"""Plain values become what OmegaConf makes of them, and back."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from omegaconf import MISSING, OmegaConf

from edgebake.plan.compose import Target
from edgebake.recipe import Recipe, missing
from edgebake.recipe.stage_params import STAGE_PARAMS, Plan
from edgebake.recipe.typed_values import ConversionError, from_plain, to_plain


class Color(Enum):
    red = "the color red"


@dataclass
class Inner:
    share: float = 1


@dataclass
class Outer:
    count: int = 3
    ratio: float | None = None
    name: str = "a"
    is_on: bool = False
    color: Color = Color.red
    inner: Inner = field(default_factory=Inner)
    more: Inner | None = None
    numbers: list[float] = field(default_factory=list)
    by_name: dict[str, Inner] = field(default_factory=dict)
    anything: Any = None


@dataclass
class Incomplete:
    count: int = MISSING


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"count": "12", "ratio": 2, "name": 3, "is_on": "Yes"},
        {"ratio": "1e-3", "color": "red", "numbers": [1, 2.5, "3"]},
        {"inner": {"share": 2}, "more": {}, "by_name": {"x": {"share": "4"}, "y": {}}},
        {"more": None, "anything": ["a", 1]},
        {"anything": "a", "count": -1, "is_on": "off"},
        {"count": True},
        {"count": 1.5},
        {"count": None},
        {"is_on": "maybe"},
        {"color": "green"},
        {"numbers": 3},
        {"inner": None},
        {"inner": []},
        {"unknown": 1},
    ],
)
def test_values_become_what_omegaconf_makes_of_them(values: dict[str, Any]) -> None:
    try:
        expected = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Outer), values))
    except Exception:
        with pytest.raises(ConversionError):
            from_plain(Outer, values)
        return
    instance = from_plain(Outer, values)
    assert instance == expected
    assert repr(instance) == repr(expected)  # 1 == 1.0, but they are not written alike


def test_every_recipe_is_the_same_after_a_round_trip(composed: dict[str, Target]) -> None:
    for target in composed.values():
        plain = to_plain(target.recipe)
        schema = OmegaConf.structured(target.recipe)
        assert plain == OmegaConf.to_container(schema, enum_to_str=True)
        assert repr(from_plain(Recipe, plain)) == repr(target.recipe)


def test_every_variant_of_a_plan_is_what_omegaconf_makes_of_it(planned: Plan) -> None:
    for stage, params_type in STAGE_PARAMS.items():
        for params in planned[stage].values():
            schema = OmegaConf.structured(params_type)
            expected = OmegaConf.to_object(OmegaConf.merge(schema, params))
            assert repr(from_plain(params_type, params)) == repr(expected)
            assert to_plain(expected) == params


@pytest.mark.parametrize("value", ["???", "${name}", "a ${count}"])
def test_references_and_missing_values_are_left_to_omegaconf(value: str) -> None:
    with pytest.raises(ConversionError):
        from_plain(Outer, {"name": value})
    with pytest.raises(ConversionError):
        from_plain(Outer, {"anything": [value]})


def test_a_missing_value_is_marked_as_omegaconf_does() -> None:
    assert missing.MISSING == MISSING


def test_a_value_without_a_default_is_needed() -> None:
    with pytest.raises(ConversionError):
        from_plain(Incomplete, {})
    assert from_plain(Incomplete, {"count": 1}) == Incomplete(1)
