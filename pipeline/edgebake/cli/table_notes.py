"""Lines below the table of the release: what its numbers and verdicts mean, and what is missing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from edgebake.measurement import PREDICTED, Measurement
from edgebake.runtimes.coreml.executor import LABEL

if TYPE_CHECKING:
    from edgebake.evaluation.gates.judge import Judgment

Judgments = Mapping[str, "Judgment"]  # by target name, of targets that are built


def short_source(source: str) -> str:
    """Return a measurement's source as a word that fits a column; a line below explains it."""
    if source == LABEL:
        return "executor"
    return source


def on_numbers(judgments: Judgments) -> Iterator[str]:
    """Yield the sources of the numbers, and the reasons why some are missing."""
    from edgebake.report import float_references, tables

    for judgment in judgments.values():
        yield from _sources(judgment.evidence.metrics)
    references = {name: each.evidence.float_reference for name, each in judgments.items()}
    yield from float_references.lines(references)
    for name, judgment in judgments.items():
        yield from _half_precision(name, judgment)
        yield from tables.marks(name, judgment.evidence.metrics)
    for judgment in judgments.values():
        for reason in _missing_reasons(judgment):
            yield f"not measured: {reason}"


def _sources(metrics: Mapping[str, Measurement]) -> Iterator[str]:
    """Yield each source of measurements, with the processor that the report names."""
    for metric in metrics.values():
        if metric.device and metric.value is not None and metric.where != PREDICTED:
            note = f": {LABEL}, not by Core ML" if metric.where == LABEL else ""
            yield f"{short_source(metric.where)}{note}: {metric.device}"


def _half_precision(target: str, judgment: "Judgment") -> Iterator[str]:
    """Yield the cost of rounding to float16, for a program that was run in both arithmetics."""
    from edgebake.report import tables

    metrics = judgment.evidence.metrics
    score = judgment.evidence.task.METRICS[0].word
    unrounded = metrics.get(f"{score}_float32_arithmetic")
    if unrounded is not None:
        rounded = tables.format_percent(metrics[score])
        exact = tables.format_percent(unrounded)
        agreement = tables.format_percent(metrics["agreement_float32_arithmetic"])
        yield (
            f"half precision of {target}: {rounded}, in float32 arithmetic {exact}, "
            f"the same answer for {agreement}"
        )


def _missing_reasons(judgment: "Judgment") -> Iterator[str]:
    """Yield why a number of the table or of a gate is missing."""
    metrics = judgment.evidence.metrics
    gated = [decision.measurement for decision in judgment.decisions]
    for measurement in (metrics["latency_p90_ms"], metrics["speedup"], *gated):
        if measurement.value is None:
            yield measurement.reason


def on_verdicts(judgments: Judgments) -> Iterator[str]:
    """Yield what verdicts other than passed and failed mean, and the waivers."""
    from edgebake.evaluation.gates.verdict import Verdict
    from edgebake.report import tables

    meanings = {
        Verdict.accepted: "not measured, and the target's recipe has `required: false`",
        Verdict.inconclusive: "the measurements prove neither a pass nor a fail",
        Verdict.inconclusive_accepted: (
            "inconclusive, and the target's recipe has `inconclusive: passes`"
        ),
    }
    decisions = []
    for name, judgment in judgments.items():
        decisions += [(name, decision) for decision in judgment.decisions]
    verdicts = {decision.verdict for _, decision in decisions}
    for verdict, meaning in meanings.items():
        if verdict in verdicts:
            yield f"{tables.SHORT[verdict]}: {meaning}"
    yield from tables.notes(
        [(name, decision) for name, decision in decisions if decision.verdict is not Verdict.passed]
    )
    yield from tables.waivers(decisions)
