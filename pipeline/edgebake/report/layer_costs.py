"""Report the sensitivity of layers to quantization: as a table, as CSV and as a bar chart."""

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

# Of the chart, in pixels.
LINE_HEIGHT = 18
NAME_WIDTH = 300
BAR_WIDTH = 400
LABEL_WIDTH = 120
COSTLY_COLOR = "#c0392b"
COLOR = "#2e86c1"


@dataclass(frozen=True)
class LayerCostRow:
    """One layer with rounded numbers; the field names are the header of the CSV."""

    layer: str
    operator: str
    signal_to_noise_db: float
    accuracy_lost: float
    low: float
    high: float


def rows(costs: "Sequence[LayerSensitivity]") -> list[LayerCostRow]:
    """Return a row for each layer, in the given order."""
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


def as_table(layers: Sequence[LayerCostRow]) -> Table:
    """Return the table for the terminal."""
    table = Table("layer", "operator", "signal to noise", "accuracy lost", "range", box=box.SIMPLE)
    for row in layers:
        table.add_row(
            row.layer,
            row.operator,
            f"{row.signal_to_noise_db:.1f} dB",
            f"{row.accuracy_lost:+.2%}",
            f"{row.low:.4g} to {row.high:.4g}",
        )
    return table


def as_csv(layers: Sequence[LayerCostRow]) -> str:
    """Return the text of a CSV file with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(LayerCostRow)])
    writer.writerows(astuple(row) for row in layers)
    return text.getvalue()


def as_svg(title: str, layers: Sequence[LayerCostRow]) -> str:
    """Return a bar chart of the signal-to-noise ratios: a short bar is a sensitive layer."""
    finite = [row.signal_to_noise_db for row in layers if row.signal_to_noise_db < float("inf")]
    longest = max([*finite, 1.0])
    bars = "\n".join(_bar(number, row, longest) for number, row in enumerate(layers, start=1))
    width = NAME_WIDTH + BAR_WIDTH + LABEL_WIDTH
    height = (len(layers) + 2) * LINE_HEIGHT
    heading = f"{escape(title)}: signal to noise of each layer in int8"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<text x="4" y="{LINE_HEIGHT - 4}" font-weight="bold">{heading}</text>\n'
        f"{bars}\n</svg>\n"
    )


def _bar(number: int, row: LayerCostRow, longest: float) -> str:
    """Return the bar of a layer with its name and numbers; `longest` in dB has the full width."""
    top = number * LINE_HEIGHT
    share = min(max(row.signal_to_noise_db, 0) / longest, 1)
    width = share * BAR_WIDTH
    name = escape(f"{row.layer} ({row.operator})")
    color = COSTLY_COLOR if row.accuracy_lost > 0 else COLOR
    label = f"{row.signal_to_noise_db:.1f} dB, {row.accuracy_lost:+.2%}"
    return (
        f'<text x="{NAME_WIDTH - 6}" y="{top + 12}" text-anchor="end">{name}</text>'
        f'<rect x="{NAME_WIDTH}" y="{top}" width="{width:.1f}" height="{LINE_HEIGHT - 4}" '
        f'fill="{color}"/>'
        f'<text x="{NAME_WIDTH + width + 4:.1f}" y="{top + 12}">{label}</text>'
    )
