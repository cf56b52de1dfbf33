"""Write when the stages of a build ran, as a Gantt chart in a file; needs matplotlib."""

import importlib.util
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebake import artifacts
from edgebake.errors import HostError
from edgebake.report import durations
from edgebake.terminal.printable import printable

# Metadata of each format without a date, so that the same bars have the same bytes. matplotlib has
# more formats: those that other programs write, or that hold no vectors and no lossless pixels.
FORMATS: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None},
    "png": {},
    "svg": {"Date": None},
}
EXPECTED_SUFFIX = ".pdf, .png or .svg"
HASH_SALT = "edgebake"  # of the ids in an SVG


@dataclass(frozen=True)
class Bar:
    """A stage that ran; times are seconds since the build's start."""

    name: str
    stage: str  # gives its color
    worker: str
    start: float
    end: float
    is_quiet: bool = False  # nothing else ran on its worker
    is_critical: bool = False
    is_failed: bool = False


@dataclass(frozen=True)
class Row:
    """Bars of one worker that do not overlap, by their start."""

    label: str
    worker: str
    bars: list[Bar]


@dataclass(frozen=True)
class Timeline:
    """What a chart shows."""

    bars: Sequence[Bar]
    seconds: float  # of the whole build
    counts: Mapping[str, int]  # stages that did not run, for example {"unchanged": 12}


def check(file: Path) -> None:
    """Check that a chart can be drawn and written, before there is anything to draw.

    Raises:
        HostError: matplotlib is not installed or does not write such files, or the folder cannot be
            written to.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise HostError(
            "--timeline: matplotlib is not installed; expected it in this environment: "
            "it is the extra `timeline` of edgebake"
        )
    if _suffix(file) not in FORMATS:
        suffix = printable(repr(file.suffix))
        raise HostError(f"--timeline: {file}: unknown suffix {suffix}; expected {EXPECTED_SUFFIX}")
    if file.is_dir():
        raise HostError(f"--timeline: {file}: a folder; expected the path of a file")
    if not file.parent.is_dir():
        raise HostError(f"--timeline: {file.parent}: not found; expected a folder that exists")
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise HostError(f"--timeline: {artifacts.disk_trouble(error, file)}") from None


def write(timeline: Timeline, file: Path) -> None:
    """Draw a chart into a file whose suffix says its format; as a whole or not at all.

    Raises:
        HostError: the system refuses to write.
    """
    import matplotlib as mpl

    from edgebake.report.timeline_chart import Chart

    suffix = _suffix(file)
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": HASH_SALT}):
        figure = Chart(timeline).figure()
        figure.savefig(content, format=suffix, metadata=FORMATS[suffix])
    artifacts.write(file, content.getvalue())


def rows_of(bars: Sequence[Bar]) -> list[Row]:
    """Return the rows of a chart: the workers by name, with a row for each place on a worker."""
    workers: dict[str, list[list[Bar]]] = {}
    for bar in in_order(bars):
        places = workers.setdefault(bar.worker, [])
        free = [place for place in places if place[-1].end <= bar.start]
        if free:
            free[0].append(bar)
        else:
            places.append([bar])
    rows: list[Row] = []
    for worker, places in sorted(workers.items()):
        for number, place in enumerate(places, start=1):
            label = f"{worker} {number}" if len(places) > 1 else worker
            rows.append(Row(label, worker, place))
    return rows


def in_order(bars: Sequence[Bar]) -> list[Bar]:
    """Return bars by their start."""
    return sorted(bars, key=lambda bar: (bar.start, bar.end, bar.name))


def summary(timeline: Timeline) -> str:
    """Return the sums of a build: stages, seconds, critical path, and what did not run."""
    work = sum(bar.end - bar.start for bar in timeline.bars)
    critical = sum(bar.end - bar.start for bar in timeline.bars if bar.is_critical)
    parts = [
        f"{len(timeline.bars)} stages ran, {durations.brief(work)} of work",
        f"critical path {durations.brief(critical)}",
    ]
    parts += [f"{count} {text}" for text, count in timeline.counts.items() if count]
    return ", ".join(parts)


def _suffix(file: Path) -> str:
    return file.suffix.removeprefix(".").lower()
