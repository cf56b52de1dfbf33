"""The reference resolver against the vectors that every language is held against."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgebake.bundle.device_matching import Choice, Facts, resolve, version_numbers

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/resolve.json").read_text())


def _facts(words: dict[str, Any]) -> Facts:
    sets = {name: frozenset(words[name]) for name in ("features", "accelerators")}
    return Facts(**{**words, **sets})


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_device_gets_what_the_vector_says(case: dict[str, Any]) -> None:
    found = resolve(VECTORS["manifests"][case["manifest"]], _facts(case["facts"]))
    assert found == [Choice(**choice) for choice in case["choices"]]


def test_the_vectors_ask_for_every_word_of_a_rule() -> None:
    rules = [
        target["device"]
        for one in VECTORS["manifests"].values()
        for target in one["targets"].values()
    ]
    for word in ("soc", "memory_mb", "features", "devices", "excluded_devices"):
        assert any(rule[word] for rule in rules), word


@pytest.mark.parametrize(
    ("version", "found"), [("34", (34,)), ("17.0", (17,)), ("2.36", (2, 36)), ("0", ())]
)
def test_a_version_is_its_numbers(version: str, found: tuple[int, ...]) -> None:
    assert version_numbers(version) == found


def test_a_system_that_gives_no_number_is_told_so() -> None:
    with pytest.raises(ValueError, match="Debian"):
        version_numbers("Debian 12")
