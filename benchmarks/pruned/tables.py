"""Tables of an architecture: models, and files. All but accuracy is a ratio to the first row."""

import statistics
from collections.abc import Iterator

from rich.table import Table

from benchmarks.peers import measurement
from benchmarks.pruned.entries import Entry, FileKind

KINDS: tuple[FileKind, ...] = (
    ("litert", "none"),
    ("litert", "int8"),
    ("onnxruntime", "none"),
    ("onnxruntime", "int8"),
)
OPTION_NAMES = {"none": "float"}
MODEL_COLUMNS = (
    "model",
    "MACs",
    "parameters",
    "accuracy",
    "95 %",
    "by seed",
    "loss, points",
    "seconds",
)


def kind_name(kind: FileKind) -> str:
    """Return the name of a file in the tables."""
    runtime, option = kind
    return f"{runtime} {OPTION_NAMES.get(option, option)}"


def absolute_values(entry: Entry) -> Iterator[str]:
    """Yield the absolute values of the row to which all ratios refer."""
    macs, parameters = entry.cost("macs"), entry.cost("parameters")
    yield f"{macs:,.0f} multiply-accumulates, {parameters:,.0f} parameters"
    for kind in KINDS:
        row = entry.files[0][kind]
        latency = "not timed"
        if row.latencies:
            latency = f"{statistics.median(row.latencies) * 1000:.4f} ms"
        sizes = f"{row.size:,} bytes, {entry.deflated_size(kind):,} packed"
        yield f"{kind_name(kind)}: {row.error or f'{sizes}, {latency}'}"


def models_table(entries: list[Entry]) -> Table:
    """Return a table with a row for each group of models."""
    original = entries[0]
    table = Table(*MODEL_COLUMNS, title=f"{original.models[0].name}: models, in Keras")
    for entry in entries:
        table.add_row(
            entry.name,
            f"{entry.cost('macs') / original.cost('macs'):.2f}",
            f"{entry.cost('parameters') / original.cost('parameters'):.2f}",
            *_accuracy_cells(entry, original),
            f"{entry.seconds:.0f}",
        )
    return table


def _accuracy_cells(entry: Entry, original: Entry) -> list[str]:
    correct = entry.correct
    images = correct.shape[1]
    accuracy = float(correct.mean())
    low, high = measurement.wilson_interval(accuracy, images)
    seeds = " ".join(str(count) for count in correct.sum(axis=1))
    loss = 100 * (float(original.correct.mean()) - accuracy)
    return [f"{accuracy:.4f}", f"{low:.4f} - {high:.4f}", f"{seeds} of {images}", f"{loss:+.2f}"]


def files_table(entries: list[Entry]) -> Table:
    """Return a table with a row for each group of models, and four columns per kind of file."""
    table = Table(title=f"{entries[0].models[0].name}: files")
    table.add_column("\n\nmodel", no_wrap=True)
    for kind in KINDS:
        heading = kind_name(kind).replace(" ", "\n")
        for column in (f"{heading}\naccuracy", "\n\nbytes", "\n\npacked", "\n\nlatency"):
            table.add_column(column, justify="right", no_wrap=True)
    for entry in entries:
        cells = []
        for kind in KINDS:
            cells += _file_cells(entry, entries[0], kind)
        table.add_row(entry.name, *cells)
    return table


def _file_cells(entry: Entry, original: Entry, kind: FileKind) -> list[str]:
    accuracy = entry.accuracy(kind)
    if accuracy is None or original.accuracy(kind) is None:
        return ["no file", "-", "-", "-"]
    latency = "-"
    ratio = entry.latency_ratio(original, kind)
    if ratio is not None:
        latency = f"{ratio:.2f}"
    return [
        f"{accuracy:.4f}",
        f"{entry.size(kind) / original.size(kind):.2f}",
        f"{entry.deflated_size(kind) / original.deflated_size(kind):.2f}",
        latency,
    ]
