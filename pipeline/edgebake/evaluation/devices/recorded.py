"""Read timings that the stopwatch recorded elsewhere, for example in a device lab.

The file has one recording, or a list of them.
"""

import json
from pathlib import Path
from typing import NamedTuple

from edgebake.errors import DataError
from edgebake.evaluation.latency import measurements, protocol, stopwatch
from edgebake.evaluation.latency.measurements import Metrics
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.evaluation.latency.stopwatch import Recording
from edgebake.measurement import not_measured

WHERE = "recorded"
MAX_MESSAGE = 200  # characters of an error message, which may quote a whole window
POSITIVE = {"type": "number", "exclusiveMinimum": 0}
WINDOW = {
    "type": "object",
    "required": ["runs", "mean_ms", "latencies_ms"],
    "properties": {
        "runs": {"type": "integer", "minimum": 1},
        "mean_ms": POSITIVE,
        "latencies_ms": {"type": "array", "minItems": 1, "items": POSITIVE},
    },
}
STATE = {
    "type": "object",
    "required": ["os", "cpu", "governor", "temperature_c"],
    "properties": {
        "os": {"type": "string"},
        "cpu": {"type": "string"},
        "governor": {"type": "string"},
        "temperature_c": {"type": ["number", "null"]},
    },
}
PAIR = {
    "type": "object",
    "required": ["candidate"],
    "properties": {"candidate": WINDOW, "baseline": WINDOW},
}
PROPERTIES: dict[str, object] = {
    "schema": {"const": stopwatch.SCHEMA},
    "request": {
        "type": "object",
        "required": sorted(stopwatch.REQUEST_KEYS),
        "properties": {"threads": {"enum": [1, None, "all"]}, "way": {"type": "string"}},
    },
    "sha256": {"type": "string"},
    "baseline_sha256": {"type": ["string", "null"]},
    "runtime": {"type": "string"},
    "threads": {"type": ["integer", "null"]},
    "before": STATE,
    "after": STATE,
    "load_ms": POSITIVE,
    "first_inference_ms": POSITIVE,
    "peak_memory_mb": {"type": ["number", "null"]},
    "windows": {"type": "array", "minItems": 1, "items": PAIR},
    "throughput": {
        "type": ["object", "null"],
        "required": ["batch"],
        "properties": {"windows": {"items": WINDOW}},
    },
    "sustained": {
        "type": ["object", "null"],
        "required": ["windows"],
        "properties": {"windows": {"items": WINDOW}},
    },
}
SCHEMA = {"type": "object", "properties": PROPERTIES, "required": sorted(PROPERTIES)}


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
    result = _result([_without_baseline(recording) for recording in recordings])
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
    from jsonschema import Draft202012Validator  # needed where there is a recording

    try:
        recordings = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(recordings, list):
        recordings = [recordings]
    if not recordings:
        program = "pipeline/edgebake/evaluation/latency/stopwatch.py"
        raise DataError(f"{path}: no recordings; expected what {program} writes")
    validator = Draft202012Validator(SCHEMA)
    for recording in recordings:
        violation = next(validator.iter_errors(recording), None)
        if violation:
            key = violation.json_path.removeprefix("$").removeprefix(".")
            raise DataError(f"{path}: {key or 'recording'}: {violation.message[:MAX_MESSAGE]}")
    return recordings


def _refusal(request: TimingRequest, recordings: list[Recording]) -> str:
    """Return why recordings are no evidence on the file, or too short; empty if they are."""
    sha256 = stopwatch.digest(protocol.model_paths(request)[0])
    for recording in recordings:
        if recording["sha256"] != sha256:
            return (
                f"a recording of another file: sha256 {recording['sha256']}, this one is {sha256}"
            )
    if FIRST not in map(_configuration, recordings):
        return "contains no recording of the first run mode on one thread"
    for recording in recordings:
        shortfall = _shortfall(request, recording)
        if shortfall:
            return shortfall
    return ""


def _shortfall(request: TimingRequest, recording: Recording) -> str:
    """Return the runs and seconds of a recording if the recipe asks for more; else empty."""
    timing = request.protocol
    windows = [pair["candidate"] for pair in recording["windows"]]
    runs = sum(window["runs"] for window in windows)
    seconds = sum(window["runs"] * window["mean_ms"] for window in windows) / 1e3
    # The seconds are a sum of rounded numbers.
    if runs >= timing.runs and seconds >= timing.seconds * 0.999:
        return ""
    expected = f"{timing.runs} in {timing.seconds:g} s"
    return f"{runs} runs in {seconds:.3g} s; the recipe asks for at least {expected}"


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
                return (
                    f"recorded with another float parent: sha256 {recorded}, this one is {sha256}"
                )
            return "has no float parent"
    return None


def _without_baseline(recording: Recording) -> Recording:
    pairs = recording["windows"]
    return {**recording, "windows": [{"candidate": pair["candidate"]} for pair in pairs]}


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
