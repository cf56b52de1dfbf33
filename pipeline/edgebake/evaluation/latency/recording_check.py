"""Check a recording of another machine before anything is computed from it.

Every number has to be one that a stopwatch can measure, and the numbers of a window have to agree
with each other. Whether they are true cannot be checked: they are taken as told.
"""

import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from edgebake.documents import json_schema_library
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.stopwatch import MachineState, Recording, Request, Window
from edgebake.terminal.printable import printable

MAX_MESSAGE = 200  # characters of a message, which may quote a whole window
MAX_NAME = 200  # characters of the name of a processor, system, governor or runtime
RESOLUTION_MS = 1e-6  # a nanosecond: clocks have no finer one
DAY_MS = 86_400_000
MAX_RUNS = 1_000_000_000
MAX_THREADS = 4096
MAX_MEMORY_MB = 10_000_000
MAX_BATCH = 1_000_000
COLDEST_C, HOTTEST_C = (-100, 300)
LEAST_WINDOWS = 2  # of one, no interval can be computed
# The median of the latencies that a window lists is exceeded by half of its runs.
LEAST_MEAN = 0.49

Check = Callable[[Any, Any, Any, Any], Iterator[Any]]  # of one keyword, as jsonschema calls it

DURATION = {"type": "number", "minimum": RESOLUTION_MS, "maximum": DAY_MS}
TEXT = {"type": "string"}
RUN_MODE = {"type": "string", "pattern": "^[a-z0-9_]{0,40}$"}  # a part of the names of metrics
WINDOW = {
    "type": "object",
    "required": ["runs", "mean_ms", "latencies_ms"],
    "properties": {
        "runs": {"type": "integer", "minimum": 1, "maximum": MAX_RUNS},
        "mean_ms": DURATION,
        "latencies_ms": {
            "type": "array",
            "minItems": 1,
            "maxItems": stopwatch.MAX_LATENCIES,
            "items": DURATION,
        },
    },
}
STATE = {
    "type": "object",
    "required": ["os", "cpu", "governor", "temperature_c"],
    "properties": {
        "os": TEXT,
        "cpu": TEXT,
        "governor": TEXT,
        "temperature_c": {"type": ["number", "null"], "minimum": COLDEST_C, "maximum": HOTTEST_C},
    },
}
PAIR = {
    "type": "object",
    "required": ["candidate"],
    "properties": {"candidate": WINDOW, "baseline": WINDOW},
}
WINDOWS = {"type": "array", "minItems": 1, "items": WINDOW}
THROUGHPUT = {
    "type": ["object", "null"],
    "required": ["batch"],
    "anyOf": [{"required": ["windows"]}, {"required": ["reason"]}, {"type": "null"}],
    "properties": {
        "batch": {"type": "integer", "minimum": 1, "maximum": MAX_BATCH},
        "windows": WINDOWS,
        "reason": TEXT,
    },
}
# What the measurements are computed from.
ANSWER: dict[str, object] = {
    "sha256": TEXT,
    "baseline_sha256": {"type": ["string", "null"]},
    "runtime": TEXT,
    "threads": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_THREADS},
    "before": STATE,
    "after": STATE,
    "load_ms": DURATION,
    "first_inference_ms": DURATION,
    "peak_memory_mb": {"type": ["number", "null"], "minimum": 0, "maximum": MAX_MEMORY_MB},
    "windows": {"type": "array", "minItems": LEAST_WINDOWS, "items": PAIR},
    "throughput": THROUGHPUT,
    "sustained": {
        "type": ["object", "null"],
        "required": ["windows"],
        "properties": {"windows": WINDOWS},
    },
}
# A recording of a lab also says what was asked there; a device is asked by us.
LAB: dict[str, object] = {
    **ANSWER,
    "schema": {"const": stopwatch.SCHEMA},
    "request": {
        "type": "object",
        "required": sorted(stopwatch.REQUEST_KEYS),
        "properties": {"threads": {"enum": [1, None, "all"]}, "way": RUN_MODE},
    },
}


class RecordingError(ValueError):
    """A recording cannot be used; the message names the key and what is wrong with its value."""


def check_answer(answer: object, request: Request) -> Recording:
    """Return the recording that a device answered to a request, with its texts escaped.

    Raises:
        RecordingError: a value is missing or impossible, or the request asked for another one.
    """
    recording = _checked(answer, ANSWER)
    _refuse_other_request(recording, request)
    shortfall = shortfall_of(recording, request["runs"], request["seconds"])
    if shortfall:
        raise RecordingError(shortfall)
    if request["baseline"] is None:
        return without_baseline(recording)
    return recording


def check_lab(entry: object) -> Recording:
    """Return a recording of a file, with its texts escaped.

    Raises:
        RecordingError: a value is missing or impossible.
    """
    return _checked(entry, LAB)


def without_baseline(recording: Recording) -> Recording:
    """Return a recording without the windows of its baseline."""
    pairs = recording["windows"]
    return {**recording, "windows": [{"candidate": pair["candidate"]} for pair in pairs]}


def shortfall_of(recording: Recording, runs: int, seconds: float) -> str:
    """Return the runs and seconds of a recording if the recipe asks for more; else empty."""
    windows = [pair["candidate"] for pair in recording["windows"]]
    timed_runs = sum(window["runs"] for window in windows)
    timed_seconds = sum(window["runs"] * window["mean_ms"] for window in windows) / 1e3
    # The seconds are a sum of rounded numbers.
    if timed_runs >= runs and timed_seconds >= seconds * 0.999:
        return ""
    expected = f"{runs} in {seconds:g} s"
    return f"{timed_runs} runs in {timed_seconds:.3g} s; the recipe asks for at least {expected}"


def _checked(value: object, properties: dict[str, object]) -> Recording:
    jsonschema = json_schema_library.load()  # needed where there is a recording
    schema = {"type": "object", "properties": properties, "required": sorted(properties)}
    grammar = jsonschema.Draft202012Validator
    items = partial(_items, grammar.VALIDATORS["items"])
    validator = jsonschema.validators.extend(grammar, {"items": items})(schema)
    violation = next(validator.iter_errors(value), None)
    if violation is not None:
        key = violation.json_path.removeprefix("$").removeprefix(".")
        message = printable(violation.message, max_length=MAX_MESSAGE)
        raise RecordingError(f"{key or 'recording'}: {message}")
    recording = cast("Recording", value)
    for key, window in _windows(recording):
        _refuse_contradiction(key, window)
    return _escaped(recording)


def _items(
    check_each: Check, validator: Any, schema: Any, values: Any, parent: Any
) -> Iterator[Any]:
    """Yield the violations in a list; a list of latencies costs one look at each of them.

    The library's own check describes every number of thousands, and takes 0.2 s for a recording.
    """
    if schema is not DURATION or not _are_durations(values):
        yield from check_each(validator, schema, values, parent)


def _are_durations(values: Any) -> bool:
    if not isinstance(values, list) or not set(map(type, values)) <= {int, float}:
        return False
    return all(RESOLUTION_MS <= value <= DAY_MS for value in values)


def _windows(recording: Recording) -> Iterator[tuple[str, Window]]:
    """Yield every window with its key."""
    for number, pair in enumerate(recording["windows"]):
        yield f"windows[{number}].candidate", pair["candidate"]
        if "baseline" in pair:
            yield f"windows[{number}].baseline", pair["baseline"]
    throughput = recording["throughput"]
    if throughput:
        for number, window in enumerate(throughput.get("windows", [])):
            yield f"throughput.windows[{number}]", window
    sustained = recording["sustained"]
    if sustained:
        for number, window in enumerate(sustained["windows"]):
            yield f"sustained.windows[{number}]", window


def _refuse_contradiction(key: str, window: Window) -> None:
    latencies = window["latencies_ms"]
    expected = min(window["runs"], stopwatch.MAX_LATENCIES)
    if len(latencies) != expected:
        raise RecordingError(
            f"{key}.latencies_ms: {len(latencies)} of {window['runs']} runs; expected {expected}"
        )
    mean = window["mean_ms"]
    if len(latencies) == window["runs"]:
        listed = math.fsum(latencies) / len(latencies)
        # Latencies are rounded to a nanosecond, the mean is not.
        if abs(mean - listed) > 2 * RESOLUTION_MS + 1e-9 * listed:
            raise RecordingError(f"{key}.mean_ms: {mean:g}; expected {listed:g}, as its runs have")
    elif mean < LEAST_MEAN * statistics.median(latencies):
        raise RecordingError(
            f"{key}.mean_ms: {mean:g}; expected half of the median of its runs or more"
        )


def _refuse_other_request(recording: Recording, request: Request) -> None:
    """Refuse a recording of other threads, of another batch, or without the baseline."""
    threads = request["threads"]
    if isinstance(threads, int) and recording["threads"] != threads:
        raise RecordingError(f"threads: {recording['threads']}; expected {threads}")
    if request["baseline"] is not None:
        for number, pair in enumerate(recording["windows"]):
            if "baseline" not in pair:
                raise RecordingError(f"windows[{number}].baseline: expected one in every pair")
    throughput = recording["throughput"]
    if throughput and throughput["batch"] != request["batch"]:
        raise RecordingError(
            f"throughput.batch: {throughput['batch']}; expected {request['batch']}"
        )


def _escaped(recording: Recording) -> Recording:
    """Return a recording whose texts are printable, and short enough for a table."""
    throughput = recording["throughput"]
    if throughput and "reason" in throughput:
        throughput = {**throughput, "reason": printable(throughput["reason"])}
    escaped: Recording = {
        **recording,
        "runtime": printable(recording["runtime"], max_length=MAX_NAME),
        "before": _escaped_state(recording["before"]),
        "after": _escaped_state(recording["after"]),
        "throughput": throughput,
    }
    # Nothing checks it, and only this machine knows what else it does.
    escaped.pop("surroundings", None)
    return escaped


def _escaped_state(state: MachineState) -> MachineState:
    return {
        "os": printable(state["os"], max_length=MAX_NAME),
        "cpu": printable(state["cpu"], max_length=MAX_NAME),
        "governor": printable(state["governor"], max_length=MAX_NAME),
        "temperature_c": state["temperature_c"],
    }
