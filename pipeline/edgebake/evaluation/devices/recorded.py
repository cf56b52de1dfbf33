"""Read timings that the stopwatch recorded elsewhere, for example in a device lab.

The file has one recording, or a list of them.
"""

from pathlib import Path
from typing import NamedTuple

from edgebake.documents import strict_json
from edgebake.errors import DataError
from edgebake.evaluation.latency import measurements, protocol, recording_check, stopwatch
from edgebake.evaluation.latency.measurements import Metrics
from edgebake.evaluation.latency.recording_check import MAX_NAME, RecordingError
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.evaluation.latency.stopwatch import Recording
from edgebake.measurement import not_measured
from edgebake.terminal.printable import printable

WHERE = "recorded"
MAX_BYTES = 64 << 20


class Configuration(NamedTuple):
    """The run mode and threads of a recording."""

    run_mode: str
    on_all_threads: bool

    @property
    def suffix(self) -> str:
        """Return what the names of its metrics end in."""
        mode = f"_{self.run_mode}" if self.run_mode else ""
        return f"{mode}_all_threads" if self.on_all_threads else mode


FIRST = Configuration(run_mode="", on_all_threads=False)


def measure(request: TimingRequest) -> TimingResult:
    """Return the recorded measurements of a file, or the reason why there are none.

    Raises:
        DataError: the file holds something other than recordings.
    """
    options = request.protocol.recorded
    if options is None:
        return absent("the recipe names no recording: validate.recorded")
    path = Path(options.file)
    if not path.is_file():
        return absent(f"{path}: no such file")
    recordings = read(path)
    refusal = _refusal(request, recordings)
    if refusal:
        return absent(f"{path}: {refusal}")
    no_speedup = _no_speedup(request, recordings)
    if no_speedup is None:
        return _result(recordings)
    result = _result([recording_check.without_baseline(recording) for recording in recordings])
    if request.baseline is None:
        return result
    speedup = not_measured("times", f"{path}: {no_speedup}")
    return TimingResult(
        result.metrics | {"speedup": speedup}, result.resamples, result.latencies_ms
    )


def read(path: Path) -> list[Recording]:
    """Read the recordings of a file.

    Raises:
        DataError: the file holds something else; the message names the key.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        recordings = strict_json.parse(content, MAX_BYTES)
    except strict_json.StrictJsonError as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(recordings, list):
        recordings = [recordings]
    if not recordings:
        program = "pipeline/edgebake/evaluation/latency/stopwatch.py"
        raise DataError(f"{path}: no recordings; expected what {program} writes")
    try:
        return [recording_check.check_lab(recording) for recording in recordings]
    except RecordingError as error:
        raise DataError(f"{path}: {error}") from None


def _refusal(request: TimingRequest, recordings: list[Recording]) -> str:
    """Return why recordings are no evidence on the file, or too short; empty if they are."""
    sha256 = stopwatch.digest(protocol.model_paths(request)[0])
    for recording in recordings:
        if recording["sha256"] != sha256:
            recorded = printable(recording["sha256"], max_length=MAX_NAME)
            return f"a recording of another file: sha256 {recorded}, this one is {sha256}"
    if FIRST not in map(_configuration, recordings):
        return "contains no recording of the first run mode on one thread"
    for recording in recordings:
        shortfall = recording_check.shortfall_of(
            recording, request.protocol.runs, request.protocol.seconds
        )
        if shortfall:
            return shortfall
    return ""


def _configuration(recording: Recording) -> Configuration:
    request = recording["request"]
    return Configuration(request["way"], request["threads"] == "all")


def _no_speedup(request: TimingRequest, recordings: list[Recording]) -> str | None:
    """Return why the recorded baseline is not the request's, or none if it is."""
    baseline = protocol.model_paths(request)[1]
    sha256 = stopwatch.digest(baseline) if baseline else None
    for recording in recordings:
        recorded = recording["baseline_sha256"]
        if _configuration(recording) == FIRST and recorded != sha256:
            if recorded:
                shown = printable(recorded, max_length=MAX_NAME)
                return f"recorded with another float parent: sha256 {shown}, this one is {sha256}"
            return "has no float parent"
    return None


def _result(recordings: list[Recording]) -> TimingResult:
    """Return the measurements of each configuration; only the first has resamples."""
    by_configuration: dict[Configuration, list[Recording]] = {}
    for recording in recordings:
        by_configuration.setdefault(_configuration(recording), []).append(recording)
    first = measurements.from_recordings(by_configuration.pop(FIRST), WHERE)
    metrics: Metrics = dict(first.metrics)
    for configuration in sorted(by_configuration):
        result = measurements.from_recordings(by_configuration[configuration], WHERE)
        for name, metric in result.metrics.items():
            metrics[f"{name}{configuration.suffix}"] = metric
    return TimingResult(metrics, first.resamples, first.latencies_ms)
