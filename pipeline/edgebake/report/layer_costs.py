"""Costs of layers in; a table for the terminal, CSV and a plot out.

Reads and writes nothing.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from edgebake.compression.quantization.sensitivity import LayerSensitivity

# Of the plot, in pixels.
LINE, NAMES, BARS = 18, 300, 400


@dataclass(frozen=True)
class LayerCostRow:
    """One layer, in words and numbers that people read."""

    layer: str
    operator: str
    signal_to_noise_db: float
    accuracy_lost: float
    low: float
    high: float


def rows(costs: "Sequence[LayerSensitivity]") -> list[LayerCostRow]:
    """Return a row for each cost, in its order."""
    return [
        LayerCostRow(
            cost.layer.name,
            cost.layer.operator,
            round(cost.signal_to_noise_db, 2),
            round(cost.accuracy_drop, 6),
            round(cost.layer.range.low, 6),
            round(cost.layer.range.high, 6),
        )
        for cost in costs
    ]


def as_table(found: Sequence[LayerCostRow]) -> Table:
    """Return what the terminal shows."""
    table = Table("layer", "operator", "signal to noise", "accuracy lost", "range", box=box.SIMPLE)
    for row in found:
        numbers = (
            f"{row.signal_to_noise_db:.1f} dB",
            f"{row.accuracy_lost:+.2%}",
            f"{row.low:.4g} to {row.high:.4g}",
        )
        table.add_row(row.layer, row.operator, *numbers)
    return table


def as_csv(found: Sequence[LayerCostRow]) -> str:
    """Return the rows below their words."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(LayerCostRow)])
    writer.writerows(map(astuple, found))
    return text.getvalue()


def as_svg(title: str, found: Sequence[LayerCostRow]) -> str:
    """Return a bar for each layer, the dearest on top: the shorter, the more noise it adds."""
    longest = max(
        (row.signal_to_noise_db for row in found if row.signal_to_noise_db < float("inf")),
        default=1.0,
    )
    height = (len(found) + 2) * LINE
    bars = "\n".join(
        _bar(number, row, max(longest, 1.0)) for number, row in enumerate(found, start=1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{NAMES + BARS + 120}" height="{height}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<text x="4" y="{LINE - 4}" font-weight="bold">{escape(title)}: signal to noise of each layer in int8</text>\n'
        f"{bars}\n</svg>\n"
    )


def _bar(number: int, row: LayerCostRow, longest: float) -> str:
    top = number * LINE
    share = min(max(row.signal_to_noise_db, 0) / longest, 1)
    name = escape(f"{row.layer} ({row.operator})")
    color = "#c0392b" if row.accuracy_lost > 0 else "#2e86c1"
    text = f"{row.signal_to_noise_db:.1f} dB, {row.accuracy_lost:+.2%}"
    return (
        f'<text x="{NAMES - 6}" y="{top + 12}" text-anchor="end">{name}</text>'
        f'<rect x="{NAMES}" y="{top}" width="{share * BARS:.1f}" height="{LINE - 4}" fill="{color}"/>'
        f'<text x="{NAMES + share * BARS + 4:.1f}" y="{top + 12}">{text}</text>'
    )
