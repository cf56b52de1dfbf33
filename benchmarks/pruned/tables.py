"""Tables of an architecture: models, and files. All but accuracy is a ratio to the first row."""

import statistics
from collections.abc import Iterator

from rich.table import Table

from benchmarks.peers import measured
from benchmarks.pruned.files import OPTIONS, RUNTIMES, Entry, File

FILES: list[File] = [(runtime, option) for runtime in RUNTIMES for option in OPTIONS]
NAMES = {"none": "float"}


def named(file: File) -> str:
    """Return a file as tables name it."""
    runtime, option = file
    return f"{runtime} {NAMES.get(option, option)}"


def absolute(entry: Entry) -> Iterator[str]:
    """Yield what the ratios are ratios of."""
    macs, parameters = entry.cost("macs"), entry.cost("parameters")
    yield f"{macs:,.0f} multiply-accumulates, {parameters:,.0f} parameters"
    for file in FILES:
        row = entry.files[0][file]
        took = f"{statistics.median(row.rounds) * 1000:.4f} ms" if row.rounds else "not timed"
        yield f"{named(file)}: " + (
            row.error or f"{row.size:,} bytes, {entry.packed(file):,} packed, {took}"
        )


def models(entries: list[Entry]) -> Table:
    """Return a row for each way to a model."""
    heads = (
        "model",
        "MACs",
        "parameters",
        "accuracy",
        "95 %",
        "by seed",
        "loss, points",
        "seconds",
    )
    table, full = Table(*heads, title=f"{entries[0].models[0].name}: models, in Keras"), entries[0]
    for entry in entries:
        shares = [f"{entry.cost(word) / full.cost(word):.2f}" for word in ("macs", "parameters")]
        table.add_row(entry.name, *shares, *_accuracies(entry, full), f"{entry.seconds:.0f}")
    return table


def _accuracies(entry: Entry, full: Entry) -> list[str]:
    accuracy, right = float(entry.right.mean()), entry.right
    low, high = measured.wilson(accuracy, right.shape[1])
    seeds = " ".join(str(count) for count in right.sum(axis=1))
    loss = 100 * (float(full.right.mean()) - accuracy)
    return [
        f"{accuracy:.4f}",
        f"{low:.4f} - {high:.4f}",
        f"{seeds} of {right.shape[1]}",
        f"{loss:+.2f}",
    ]


def files(entries: list[Entry]) -> Table:
    """Return a row for each way to a model, with four columns for each of its files."""
    table = Table(title=f"{entries[0].models[0].name}: files")
    table.add_column("\n\nmodel", no_wrap=True)
    for file in FILES:
        above = named(file).replace(" ", "\n")
        for head in (f"{above}\naccuracy", "\n\nbytes", "\n\npacked", "\n\nlatency"):
            table.add_column(head, justify="right", no_wrap=True)
    for entry in entries:
        table.add_row(
            entry.name, *(cell for file in FILES for cell in _cells(entry, entries[0], file))
        )
    return table


def _cells(entry: Entry, full: Entry, file: File) -> list[str]:
    accuracy, latency = entry.accuracy(file), entry.times(full, file)
    if accuracy is None or full.accuracy(file) is None:
        return ["no file", "-", "-", "-"]
    sizes = entry.size(file) / full.size(file), entry.packed(file) / full.packed(file)
    return [
        f"{accuracy:.4f}",
        *(f"{size:.2f}" for size in sizes),
        "-" if latency is None else f"{latency:.2f}",
    ]
