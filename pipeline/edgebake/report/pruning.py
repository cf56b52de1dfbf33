"""Report pruned models: what pruning saved and cost, and which baselines are better."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from rich.table import Table

from edgebake.report.tables import compact

COLUMNS = ("pruned", "macs", "params", "before", "cut", "tuned", "scratch", "original")
NOTE = (
    "before, cut, tuned: accuracy on the validation split before, after cutting, "
    "after fine-tuning\n"
    "scratch: the pruned architecture, trained from scratch with the same budget; "
    "original: the original model, trained for as many more epochs"
)
BASELINES = {
    "from_scratch": "the pruned architecture, trained from scratch",
    "parent_trained_on": "the original model, trained longer",
}


class BeforeAfter(TypedDict):
    """A cost before and after pruning."""

    before: float
    after: float


class PruningAccuracy(TypedDict):
    """Accuracies on the validation split."""

    before: float
    cut: float
    fine_tuned: float


class PruningSummary(TypedDict):
    """The content of pruned.json, as far as the report reads it."""

    validation_examples: int
    accuracy: PruningAccuracy
    macs: BeforeAfter
    parameters: BeforeAfter


class BaselineResult(TypedDict):
    """The content of baseline.json."""

    kind: str
    accuracy: float | None  # on the validation split; None if it was not trained


@dataclass(frozen=True)
class PrunedVariant:
    """A variant of `prune`, and the baselines of it that are built."""

    summary: PruningSummary
    baselines: dict[str, float | None]  # accuracy by kind


def rows(pruned: Mapping[str, PrunedVariant]) -> Table:
    """Return a table with a row per variant, at most 80 columns wide."""
    return compact(COLUMNS, [_row(name, variant) for name, variant in pruned.items()])


def lines(pruned: Mapping[str, PrunedVariant]) -> Iterator[str]:
    """Yield the baselines that are more accurate than the pruned model."""
    for name, variant in pruned.items():
        examples = variant.summary["validation_examples"]
        fine_tuned = variant.summary["accuracy"]["fine_tuned"]
        for baseline, accuracy in variant.baselines.items():
            more = round(((accuracy or 0.0) - fine_tuned) * examples)
            if more > 0:
                yield (
                    f"{name}: {BASELINES[baseline]}, "
                    f"correct on {more} more of {examples} validation examples"
                )


def _row(name: str, variant: PrunedVariant) -> list[str]:
    summary = variant.summary
    macs, parameters = summary["macs"], summary["parameters"]
    accuracy = summary["accuracy"]
    baselines = [variant.baselines.get(baseline) for baseline in BASELINES]
    accuracies = [accuracy["before"], accuracy["cut"], accuracy["fine_tuned"], *baselines]
    return [
        name,
        f"{macs['after'] / macs['before']:.0%}",
        f"{parameters['after'] / parameters['before']:.0%}",
        *(_percent(value) for value in accuracies),
    ]


def _percent(accuracy: float | None) -> str:
    if accuracy is None:
        return "-"
    return f"{accuracy:.2%}"
