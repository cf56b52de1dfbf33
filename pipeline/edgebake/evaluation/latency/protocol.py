"""Latency protocol: how often a file is timed, and when the result is precise enough."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgebake.child_process.child import signal_name
from edgebake.documents import strict_json
from edgebake.errors import HostError
from edgebake.evaluation.latency import command, measurements, recording_check, stopwatch
from edgebake.evaluation.latency.command import CommandResult, DeviceError, Limits
from edgebake.evaluation.latency.measurements import Metrics
from edgebake.evaluation.latency.recording_check import RecordingError
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.evaluation.latency.stopwatch import Recording, Request
from edgebake.measurement import Measurement
from edgebake.recipe import Protocol
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.run_modes import RunMode
from edgebake.terminal import progress

# Metrics whose intervals have to be as narrow as the recipe's `precision`.
PRECISE = ("latency_p90_ms", "speedup")
# A stopwatch may take this long to start, to load the files, and for the batches.
MARGIN_S = 60
# Slower models need `validate.deadline_minutes`.
SLOWEST_RUN_S = 1.0
MIB = 1 << 20
MAX_CHATTER = 16 * MIB  # bytes that a runtime may print of its own
# A window has at most 200 latencies of up to 20 characters.
WINDOW_BYTES = 6_000
# Pairs of windows and of batches; more than 30 where the first runs were slower than the others.
MOST_WINDOWS = 1_000


@dataclass(frozen=True)
class StopwatchRunner:
    """A machine that runs the stopwatch, with the paths of the files there."""

    where: str  # label of its measurements
    file: str
    baseline: str | None
    run: Callable[[Request], Recording]


def measure(request: TimingRequest, runner: StopwatchRunner) -> TimingResult:
    """Time a file in each of its run modes.

    The metrics of the first mode on one thread have no suffix. It is timed in turns with the
    baseline, and again in a new process while an interval is too wide. Metrics on all threads end
    in `_all_threads`, those of another mode in the mode's name.

    Raises:
        DeviceError: the stopwatch made no recording.
    """
    first, *more_modes = request.modes
    if first.untimed:
        return absent(first.untimed)
    if request.runtime not in stopwatch.RUNTIMES:
        return absent(f"the stopwatch does not support {request.runtime}")
    first_request = stopwatch_request(request, runner, first)
    result = _measure_precisely(request, runner, first_request)
    metrics = result.metrics | _measure_all_threads(request, runner, first)
    for mode in more_modes:
        if mode.untimed:
            continue
        mode_request = stopwatch_request(request, runner, mode)
        latency_request = _latency_only(mode_request)
        metrics |= _measure_once(runner, latency_request, mode)
        metrics |= _measure_all_threads(request, runner, mode)
    return TimingResult(metrics, result.resamples, result.latencies_ms)


def is_timed(request: TimingRequest) -> bool:
    """Return whether the stopwatch can time a file in its first run mode."""
    return not request.modes[0].untimed and request.runtime in stopwatch.RUNTIMES


def stopwatch_request(request: TimingRequest, runner: StopwatchRunner, mode: RunMode) -> Request:
    """Return the stopwatch's request for one run mode on one thread."""
    protocol = request.protocol
    timed: Request = {
        "runtime": request.runtime,
        "file": runner.file,
        "baseline": runner.baseline,
        "threads": 1 if mode.threaded else None,
        "way": mode.name,
        "warmup": protocol.warmup,
        "runs": protocol.runs,
        "seconds": protocol.seconds,
        "batch": protocol.batch,
        "sustained_minutes": protocol.sustained_minutes,
    }
    if request.largest:
        timed["largest"] = dict(request.largest)
    return timed


def model_paths(request: TimingRequest) -> tuple[Path, Path | None]:
    """Return the file or folder that an app opens, and that of the baseline if there is one."""
    name = load_runtime(request.runtime).facts.file
    file = request.files / name
    if request.baseline is None:
        return file, None
    return file, request.baseline / name


def is_imprecise(result: TimingResult, names: tuple[str, ...], precision: float) -> bool:
    """Return whether half an interval of a metric is wider than a share of the metric."""
    for name in names:
        metric = result.metrics.get(name)
        if metric and _is_wide(metric, precision):
            return True
    return False


def _is_wide(metric: Measurement, precision: float) -> bool:
    if not metric.interval:
        return False
    low, high = metric.interval
    half_width = (high - low) / 2
    value = metric.value or 0
    return half_width > precision * value


def limits(protocol: Protocol) -> Limits:
    """Return the longest duration of one stopwatch, and the most bytes that it prints."""
    minutes = protocol.sustained_minutes or 0
    output_bytes = MAX_CHATTER + _recording_bytes(minutes)
    if protocol.deadline_minutes is not None:
        return Limits(protocol.deadline_minutes * 60, output_bytes)
    runs = 2 * (protocol.warmup + protocol.runs)  # of the file and of its baseline
    seconds = MARGIN_S + runs * SLOWEST_RUN_S + 3 * protocol.seconds + 60 * minutes
    return Limits(seconds, output_bytes)


def _recording_bytes(sustained_minutes: float) -> int:
    """Return the most bytes of a recording."""
    windows = MOST_WINDOWS + sustained_minutes * 60 / stopwatch.SUSTAINED_WINDOW_S
    return int(windows * WINDOW_BYTES)


def run_in_process(request: Request, allowed: Limits) -> Recording:
    """Run the stopwatch in a process of its own on this machine.

    Raises:
        HostError: it made no recording in time.
    """
    program = [sys.executable, "-m", "edgebake.evaluation.latency.stopwatch"]
    try:
        result = command.run(program, allowed, json.dumps(request).encode())
        return parse_output(result, request)
    except DeviceError as error:
        file = request["file"]
        raise HostError(f"{file}: timing it failed: {error}") from None


def parse_output(result: CommandResult, request: Request) -> Recording:
    """Parse the last line that a stopwatch wrote.

    Raises:
        DeviceError: it failed, or the line is no recording of what was requested.
    """
    if result.code != 0:
        raise DeviceError(_failure(result.code, result.stderr))
    _, _, last_line = result.stdout.strip().rpartition("\n")
    try:
        answer = strict_json.parse(
            last_line.encode(), _recording_bytes(request["sustained_minutes"] or 0)
        )
        return recording_check.check_answer(answer, request)
    except strict_json.StrictJsonError as error:
        problem = "the last line of the stopwatch is not a recording"
        raise DeviceError(f"{problem}: {error}") from None
    except RecordingError as error:
        raise DeviceError(f"the recording of the stopwatch: {error}") from None


def _failure(code: int, stderr: str) -> str:
    """Return the stopwatch's own message, or the last line of its process."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith("stopwatch: "):
            return command.last_line(line.removeprefix("stopwatch: "))
    last_line = command.last_line(stderr)
    if code < 0:  # of a process on this machine
        problem = f"its process was ended by {signal_name(-code)}"
        return f"{problem} ({last_line})" if last_line else problem
    return last_line or f"ended with code {code}"


def _latency_only(request: Request) -> Request:
    """Return a request without a baseline, throughput and sustained mode."""
    return {**_without_extras(request), "baseline": None}


def _without_extras(request: Request) -> Request:
    return {**request, "batch": None, "sustained_minutes": None}


def _measure_precisely(
    request: TimingRequest, runner: StopwatchRunner, stopwatch_request: Request
) -> TimingResult:
    """Time a file until the intervals are narrow enough, or as often as the recipe allows."""
    protocol = request.protocol
    most_runs = protocol.repeats * protocol.runs
    progress.report(0, most_runs, "runs")
    recordings = [runner.run(stopwatch_request)]
    progress.report(protocol.runs, most_runs, "runs")
    result = measurements.from_recordings(recordings, runner.where)
    repeated_request = _without_extras(stopwatch_request)
    while len(recordings) < protocol.repeats:
        if not is_imprecise(result, PRECISE, protocol.precision):
            break
        recording = runner.run(repeated_request)
        recordings.append(recording)
        progress.report(len(recordings) * protocol.runs, most_runs, "runs")
        result = measurements.from_recordings(recordings, runner.where)
    return result


def _measure_all_threads(request: TimingRequest, runner: StopwatchRunner, mode: RunMode) -> Metrics:
    if not mode.threaded:
        return {}
    single_thread = stopwatch_request(request, runner, mode)
    all_threads = _latency_only(single_thread)
    all_threads["threads"] = "all"
    metrics = _measure_once(runner, all_threads, mode)
    return {f"{name}_all_threads": metric for name, metric in metrics.items()}


def _measure_once(runner: StopwatchRunner, request: Request, mode: RunMode) -> Metrics:
    """Return the metrics of one recording, named after the run mode."""
    recording = runner.run(request)
    result = measurements.from_recordings([recording], runner.where)
    metrics = {}
    for name, metric in result.metrics.items():
        metrics[mode.metric_name(name)] = metric
    return metrics
