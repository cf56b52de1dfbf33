"""layers.csv: the activation range of every layer, with notes on ranges that waste resolution."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence

from edgebake.runtimes.litert.calibrated_model import Layer

COLUMNS = ("layer", "operator", "low", "high", "width", "smallest", "largest", "note", "kept")


def to_csv(layers: Sequence[Layer], fallback_layers: Collection[Layer]) -> str:
    """Return the table of layers, in their order; only the header if there are none.

    Args:
        layers: of the float model.
        fallback_layers: those that are not quantized to integers.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for layer in layers:
        writer.writerow(_row(layer, is_fallback=layer in fallback_layers))
    return text.getvalue()


def note(layer: Layer) -> str:
    """Return the problem of a layer's activation range; an empty string if there is none."""
    if layer.range.is_empty:
        return "zero width"
    if layer.range.has_outliers:
        return "outliers"
    return ""


def notes_line(layers: Iterable[Layer]) -> str:
    """Return the notes on all layers, each with the names of its layers, as the end of a line."""
    names: dict[str, list[str]] = {}
    for layer in layers:
        layer_note = note(layer)
        if layer_note:
            names.setdefault(layer_note, []).append(layer.name)
    return "".join(f", {layer_note} at {' '.join(names[layer_note])}" for layer_note in names)


def _row(layer: Layer, is_fallback: bool) -> list[str]:
    activation_range = layer.range
    width = activation_range.high - activation_range.low
    fallback_mark = ""
    if is_fallback:
        fallback_mark = "kept"
    return [
        layer.name,
        layer.operator,
        f"{activation_range.low:.6g}",
        f"{activation_range.high:.6g}",
        f"{width:.6g}",
        f"{activation_range.smallest:.6g}",
        f"{activation_range.largest:.6g}",
        note(layer),
        fallback_mark,
    ]
