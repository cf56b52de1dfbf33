"""Golden vectors of real steps are accepted; what is refused: tests/test_hostile_second_form.py."""

import json
from typing import Any

import pytest

from edgebake.bundle.trust import golden_second_form
from tests.bundle import small2


def _vectors(name: str) -> tuple[dict[str, Any], Any]:
    """Return the golden vectors of a target, and its entry in the manifest."""
    files = small2.bundle("linux", name)
    target = json.loads(files["manifest.json"])["targets"][name]
    vectors: dict[str, Any] = json.loads(files[target["golden"]])
    return vectors, target


@pytest.mark.parametrize("name", small2.TARGETS)
def test_vectors_of_every_kind_are_sound(name: str) -> None:
    vectors, target = _vectors(name)
    assert list(golden_second_form.find_problems(vectors, target)) == []


@pytest.mark.parametrize("name", ["audio", "audio_integers", "signal", "signal_integers"])
def test_limits_leave_little_room(name: str) -> None:
    vectors, target = _vectors(name)
    (tolerance,) = vectors["tolerances"]["inputs"].values()
    (limit,) = (golden_second_form.input_limit(entry) for entry in target["inputs"])
    assert tolerance <= limit <= 20 * tolerance
