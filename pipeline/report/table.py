"""Findings in, tables out, for a terminal or as plain text.

Reads and writes nothing.
"""

import io

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.gates import Decision, Verdict
from pipeline.measurement import Measurement

STYLES = {Verdict.passed: "green", Verdict.failed: "red", Verdict.not_measured: "red", Verdict.accepted: "yellow"}
SHORT = {
    Verdict.passed: "passed",
    Verdict.failed: "FAILED",
    Verdict.not_measured: "NOT MEASURED",
    Verdict.accepted: "accepted",
}
RELEASE_COLUMNS = ("target", "runtime", "accuracy", "float", "size", "p95", "on")
GATES = {"latency_p95_ms": "p95", "frames_per_second": "frames/s", "size_mb": "size", "peak_memory_mb": "memory"}
UNITS = {"share": "", "ms": " ms", "MB": " MB"}


def gates(decisions: list[tuple[str, Decision]]) -> Table:
    """Return a row per gate of a target."""
    table = Table("target", "gate", "asked", "measured", "where", "verdict", box=box.SIMPLE)
    for target, decision in decisions:
        asked = f"{decision.bound.replace('_', ' ')} {decision.limit:g}"
        row = (target, decision.gate, asked, shown(decision.measured), where(decision.measured), decision.verdict.value)
        table.add_row(*row, style=STYLES[decision.verdict])
    return table


def release(rows: list[list[str]]) -> Table:
    """Return a row per target: numbers and where they were measured; it fits a terminal of 80 columns."""
    return compact(RELEASE_COLUMNS, rows)


def verdicts(decisions: dict[str, list[Decision]]) -> Table:
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
    """Return a table without colours, wide enough that nothing is cut."""
    stream = io.StringIO()
    Console(file=stream, width=1000, no_color=True, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines() if line.strip())


def shown(measured: Measurement) -> str:
    """Return a number with its unit, or that there is none."""
    value = measured.value
    if value is None:
        return "not measured"
    if measured.unit == "MB" and abs(value) < 1:
        return f"{value * 1000:.1f} kB"
    return f"{value:,.0f}/s" if measured.unit == "1/s" else f"{value:.4g}{UNITS[measured.unit]}"


def where(measured: Measurement) -> str:
    """Return where a number comes from, or why there is none."""
    if measured.value is None:
        return measured.reason
    threads = f", {measured.threads} thread{'s' if measured.threads != 1 else ''}" if measured.threads else ""
    return f"{measured.where}{f' ({measured.device}{threads})' if measured.device else ''}"
