"""The table of what pruning cost, and the lines that say where something else is better."""

from typing import Any

from edgebake.report import pruning, tables
from edgebake.report.pruning import PrunedVariant

SUMMARY: Any = {
    "validation_examples": 200,
    "accuracy": {"before": 0.98, "cut": 0.1, "fine_tuned": 0.96},
    "macs": {"before": 1000, "after": 480},
    "parameters": {"before": 400, "after": 100},
}
BASELINES = {"parent_trained_on": 0.985, "from_scratch": 0.955}


def _with(baselines: dict[str, float | None]) -> PrunedVariant:
    return PrunedVariant(SUMMARY, baselines)


def _rows(baselines: dict[str, float | None]) -> list[str]:
    text = tables.as_text(pruning.rows({"variant_0": _with(baselines)}))
    return [" ".join(line.split()) for line in text.splitlines() if "variant" in line]


def test_a_row_says_what_is_left_and_how_good_it_is_beside_its_baselines() -> None:
    assert _rows({**BASELINES}) == ["variant_0 48% 25% 98.00% 10.00% 96.00% 95.50% 98.50%"]


def test_baselines_that_were_not_trained_say_so() -> None:
    expected = ["variant_0 48% 25% 98.00% 10.00% 96.00% - -"]
    assert _rows({}) == expected
    assert _rows({"from_scratch": None}) == expected


def test_what_beats_pruning_is_told_with_how_many_examples() -> None:
    assert list(pruning.lines({"small": _with({**BASELINES})})) == [
        "small: the original model, trained longer, correct on 5 more of 200 validation examples"
    ]
    worse = _with({"from_scratch": 0.965})
    assert list(pruning.lines({"small": worse})) == [
        "small: the pruned architecture, trained from scratch, "
        "correct on 1 more of 200 validation examples"
    ]


def test_nothing_is_told_where_pruning_is_as_good() -> None:
    as_good = _with({"from_scratch": 0.96, "parent_trained_on": None})
    assert list(pruning.lines({"small": as_good})) == []
