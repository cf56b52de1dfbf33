"""Tables of gates, verdicts and releases, for a terminal or as plain text."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich import box
from rich.table import Table

from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.measurement import Measurement
from edgebake.terminal.console import Terminal

STYLES = {
    Verdict.passed: "green",
    Verdict.failed: "red",
    Verdict.inconclusive: "red",
    Verdict.inconclusive_accepted: "yellow",
    Verdict.not_measured: "red",
    Verdict.accepted: "yellow",
    Verdict.waived: "yellow",
}
SHORT = {
    Verdict.passed: "passed",
    Verdict.failed: "FAILED",
    Verdict.inconclusive: "UNDECIDED",
    Verdict.inconclusive_accepted: "undecided",
    Verdict.not_measured: "NOT MEASURED",
    Verdict.accepted: "accepted",
    Verdict.waived: "waived",
}
GATE_COLUMNS = ("target", "gate", "limit", "measured", "bound", "n", "where", "verdict")
SCORE = "score"  # column of the first metric of tasks, where these are not all the same
RELEASE_COLUMNS = ("target", "runtime", SCORE, "float", "size", "p90", "speedup", "on")
# Short names of gates, as column headers.
GATES = {
    "class_accuracy": "classes",
    "slice_accuracy": "slices",
    "accuracy_drop": "drop",
    "macro_f1": "F1",
    "macro_f1_drop": "F1 drop",
    "expected_calibration_error": "calibr.",
    "accelerator_coverage": "coverage",
    "parity_difference": "difference",
    "false_alarms_per_hour": "alarms/h",
    "latency_p90_ms": "p90",
    "frames_per_second": "frames/s",
    "size_mb": "size",
    "peak_memory_mb": "memory",
}
UNITS = {"share": "", "1/h": " 1/h", "ms": " ms", "MB": " MB", "times": "x"}


def gates(decisions: Sequence[tuple[str, Decision]]) -> Table:
    """Return a table with a row per gate; each decision comes with the name of its target."""
    table = Table(*GATE_COLUMNS, box=box.SIMPLE)
    for target, decision in decisions:
        measurement = decision.measurement
        table.add_row(
            target,
            decision.gate,
            str(decision.requirement),
            format_value(measurement),
            _format_bound(decision),
            _format_count(measurement.n),
            format_origin(measurement),
            decision.verdict.value,
            style=STYLES[decision.verdict],
        )
    return table


def notes(decisions: Sequence[tuple[str, Decision]]) -> list[str]:
    """Return the notes of gates, for example the worst class, or what would settle the gate."""
    return [
        f"{target}, {decision.gate}: {decision.note}"
        for target, decision in decisions
        if decision.note
    ]


def waivers(decisions: Sequence[tuple[str, Decision]]) -> list[str]:
    """Return a line for each gate with a waiver, whether the gate needs it or not."""
    lines = []
    for target, decision in decisions:
        waiver = decision.waiver
        if waiver:
            reason = f"by {waiver.by} until {waiver.until}: {waiver.reason}"
            lines.append(f"waiver: {target}, {decision.gate}, {reason}")
    return lines


def _format_count(count: int | None) -> str:
    if not count:
        return "-"
    return f"{count:,}"


def _format_bound(decision: Decision) -> str:
    """Return the confidence bound and its confidence."""
    if decision.bound is None:
        return "-"
    bound = replace(decision.measurement, value=decision.bound)
    return f"{format_value(bound)} at {decision.requirement.confidence:.4g}"


def release(rows: list[list[str]], score: str = SCORE) -> Table:
    """Return a table with a row of RELEASE_COLUMNS per target, at most 80 columns wide.

    Args:
        rows: one per target.
        score: header of the column of scores.
    """
    headers = []
    for column in RELEASE_COLUMNS:
        header = column
        if column == SCORE:
            header = score
        headers.append(header)
    return compact(tuple(headers), rows)


def verdicts(decisions: Mapping[str, Sequence[Decision]]) -> Table:
    """Return a table with a row per target and a column per gate."""
    columns: dict[str, str] = {}  # header by gate, in the order of the targets' gates
    for of_target in decisions.values():
        for decision in of_target:
            columns[decision.gate] = GATES.get(decision.gate, decision.gate)
    rows = []
    for target, of_target in decisions.items():
        by_gate = {decision.gate: SHORT[decision.verdict] for decision in of_target}
        rows.append([target, *(by_gate.get(gate, "no gate") for gate in columns)])
    return compact(("gates", *columns.values()), rows)


def compact(headers: tuple[str, ...], rows: list[list[str]]) -> Table:
    """Return a table without padding between its columns."""
    table = Table(*headers, box=box.SIMPLE, padding=0)
    for row in rows:
        table.add_row(*row)
    return table


def as_text(table: Table) -> str:
    """Return a table as text without colors, wide enough for all its cells."""
    stream = io.StringIO()
    Terminal(file=stream, width=1000, no_color=True).print(table)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join(line for line in lines if line)


def format_value(measurement: Measurement) -> str:
    """Return a value with its unit, or `not measured`."""
    value = measurement.value
    if value is None:
        return "not measured"
    if measurement.unit == "MB" and abs(value) < 1:
        return f"{value * 1000:.1f} kB"
    if measurement.unit == "1/s":
        return f"{value:,.0f}/s"
    unit = UNITS.get(measurement.unit, f" {measurement.unit}")
    return f"{value:.4g}{unit}"


def format_percent(measurement: Measurement) -> str:
    """Return a share in percent; another value with its unit."""
    if measurement.value is None or measurement.unit != "share":
        return format_value(measurement)
    return f"{measurement.value:.2%}"


def format_brief(measurement: Measurement) -> str:
    """Return a value with three digits for a narrow column, or a dash if it was not measured.

    What was timed next to other work has an asterisk.
    """
    if measurement.value is None:
        return "-"
    mark = "*" if measurement.disturbed_by else ""
    if measurement.unit in ("ms", "times"):
        return f"{measurement.value:.3g}{UNITS[measurement.unit]}{mark}"
    return format_value(measurement)


def marks(target: str, metrics: Mapping[str, Measurement]) -> list[str]:
    """Return a line about the asterisks of a target in the table of a release."""
    reasons = dict.fromkeys(metrics[name].disturbed_by for name in ("latency_p90_ms", "speedup"))
    return [f"*: {target} was timed next to other work: {reason}" for reason in reasons if reason]


def format_origin(measurement: Measurement) -> str:
    """Return where a value was measured, or why it was not."""
    if measurement.value is None:
        return measurement.reason
    if not measurement.device:
        return measurement.where
    other_work = ", next to other work" if measurement.disturbed_by else ""
    details = measurement.device
    if measurement.threads:
        plural = "s" if measurement.threads != 1 else ""
        details += f", {measurement.threads} thread{plural}"
    return f"{measurement.where} ({details}){other_work}"
