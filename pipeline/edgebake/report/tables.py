"""Findings in, tables out, for a terminal or as plain text.

Reads and writes nothing.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table

from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.measurement import Measurement

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
RELEASE_COLUMNS = ("target", "runtime", "accuracy", "float", "size", "p90", "speedup", "on")
GATES = {
    "class_accuracy": "classes",
    "slice_accuracy": "slices",
    "accuracy_drop": "drop",
    "expected_calibration_error": "calibr.",
    "accelerator_coverage": "coverage",
    "parity_difference": "difference",
    "latency_p90_ms": "p90",
    "frames_per_second": "frames/s",
    "size_mb": "size",
    "peak_memory_mb": "memory",
}
UNITS = {"share": "", "ms": " ms", "MB": " MB", "times": "x"}


def gates(decisions: list[tuple[str, Decision]]) -> Table:
    """Return a row per gate of a target."""
    table = Table(
        "target", "gate", "asked", "measured", "bound", "n", "where", "verdict", box=box.SIMPLE
    )
    for target, decision in decisions:
        measured = decision.measurement
        numbers = (
            format_value(measured),
            _bound(decision),
            f"{measured.n:,}" if measured.n else "-",
        )
        row = (
            target,
            decision.gate,
            str(decision.requirement),
            *numbers,
            format_origin(measured),
            decision.verdict.value,
        )
        table.add_row(*row, style=STYLES[decision.verdict])
    return table


def notes(decisions: list[tuple[str, Decision]]) -> list[str]:
    """Return a line for each gate that there is more to say of: the worst class, or what would decide."""
    return [
        f"{target}, {decision.gate}: {decision.note}"
        for target, decision in decisions
        if decision.note
    ]


def waivers(decisions: list[tuple[str, Decision]]) -> list[str]:
    """Return a line for each waiver, needed or not."""
    held = [(target, one.gate, one.waiver) for target, one in decisions if one.waiver]
    return [
        f"waiver: {target}, {gate}, by {one.by} until {one.until}: {one.reason}"
        for target, gate, one in held
    ]


def _bound(decision: Decision) -> str:
    """Return what is proven at the confidence that the gate asks for."""
    if decision.bound is None:
        return "-"
    bound = replace(decision.measurement, value=decision.bound)
    return f"{format_value(bound)} at {decision.requirement.confidence:.4g}"


def release(rows: list[list[str]]) -> Table:
    """Return a row per target: numbers and where they were measured; it fits a terminal of 80 columns."""
    return compact(RELEASE_COLUMNS, rows)


def verdicts(decisions: Mapping[str, Sequence[Decision]]) -> Table:
    """Return a row per target and a column per gate."""
    gates = list(dict.fromkeys(one.gate for found in decisions.values() for one in found))
    rows = []
    for target, found in decisions.items():
        by_gate = {one.gate: SHORT[one.verdict] for one in found}
        rows.append([target, *(by_gate.get(gate, "no gate") for gate in gates)])
    return compact(("gates", *(GATES.get(gate, gate) for gate in gates)), rows)


def compact(heads: tuple[str, ...], rows: list[list[str]]) -> Table:
    """Return a table without room between its columns."""
    table = Table(*heads, box=box.SIMPLE, padding=0)
    for row in rows:
        table.add_row(*row)
    return table


def as_text(table: Table) -> str:
    """Return a table without colors, wide enough that nothing is cut."""
    stream = io.StringIO()
    Console(file=stream, width=1000, no_color=True, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines() if line.strip())


def format_value(measured: Measurement) -> str:
    """Return a number with its unit, or that there is none."""
    value = measured.value
    if value is None:
        return "not measured"
    if measured.unit == "MB" and abs(value) < 1:
        return f"{value * 1000:.1f} kB"
    return f"{value:,.0f}/s" if measured.unit == "1/s" else f"{value:.4g}{UNITS[measured.unit]}"


def format_brief(measured: Measurement) -> str:
    """Return a number for a narrow column: three digits, or a dash where there is none."""
    if measured.value is None:
        return "-"
    return (
        f"{measured.value:.3g}{UNITS[measured.unit]}"
        if measured.unit in ("ms", "times")
        else format_value(measured)
    )


def format_origin(measured: Measurement) -> str:
    """Return where a number comes from, or why there is none."""
    if measured.value is None:
        return measured.reason
    threads = (
        f", {measured.threads} thread{'s' if measured.threads != 1 else ''}"
        if measured.threads
        else ""
    )
    return f"{measured.where}{f' ({measured.device}{threads})' if measured.device else ''}"
