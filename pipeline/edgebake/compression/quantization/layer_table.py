"""Layers in, CSV out: their ranges, and which of them need a look.

Reads and writes nothing.
"""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from edgebake.runtimes.litert.calibrated_model import Layer

LAYERS = ("layer", "operator", "low", "high", "width", "smallest", "largest", "note", "kept")


def to_csv(found: Sequence[Layer], kept: Collection[Layer]) -> str:
    """Return a row per layer, in the order in which they run; only the heads where nothing was calibrated."""
    return _text(
        LAYERS,
        (
            [
                layer.name,
                layer.operator,
                f"{layer.range.low:.6g}",
                f"{layer.range.high:.6g}",
                f"{layer.range.high - layer.range.low:.6g}",
                f"{layer.range.smallest:.6g}",
                f"{layer.range.largest:.6g}",
                note(layer),
                "kept" if layer in kept else "",
            ]
            for layer in found
        ),
    )


def note(layer: Layer) -> str:
    """Return what is wrong with a layer's range, if anything."""
    if layer.range.is_empty:
        return "zero width"
    return "outliers" if layer.range.has_outliers else ""


def notes_line(found: Iterable[Layer]) -> str:
    """Return the layers whose ranges need a look, as the end of a line."""
    notes: dict[str, list[str]] = {}
    for layer in found:
        if note(layer):
            notes.setdefault(note(layer), []).append(layer.name)
    return "".join(f", {what} at {' '.join(names)}" for what, names in notes.items())


def _text(heads: tuple[str, ...], rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()
