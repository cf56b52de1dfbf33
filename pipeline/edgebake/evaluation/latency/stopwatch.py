"""Time one converted file in this process, in turns with its float parent if one is named.

Reads a request as JSON from standard input and writes a recording as JSON, the last line of
standard output; docs/guides/measure_on_a_device.md describes both. Boards and phones get this one
file: it needs Python 3.9, NumPy and the runtime. The protocol is the single stream of MLPerf Mobile
(1,024 runs, 60 s, 90th percentile) with a configurable number of runs:
github.com/mlcommons/mobile_app_open, github.com/mlcommons/inference_policies.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

SCHEMA = "edgebake.timing/1"
# At least: enough to resample, and short, so that a slow minute hits candidate and baseline alike.
WINDOWS = 30
MAX_LATENCIES = 200  # per window of a recording
BATCH_SHARE = 0.1  # of the runs and of the seconds, spent again on whole batches
SUSTAINED_WINDOW_S = 10.0
# Core ML's compute units by run mode.
# Source: MLComputeUnits, https://developer.apple.com/documentation/coreml
COMPUTE_UNITS = {"": "ALL", "cpu_only": "CPU_ONLY", "cpu_and_neural_engine": "CPU_AND_NE"}
# Color space of a Core ML image, data type of an array. Source: FeatureTypes.proto of coremltools.
GRAYSCALE = 10
INT32 = 131104

Runs = Callable[[int], "list[float]"]  # runs a file so often, returns the milliseconds of each run


class _IntegerInputs(TypedDict, total=False):
    largest: dict[str, int]  # of the numbers that an integer input takes from 0 on, by its name


class Request(_IntegerInputs):
    """What to time, and for how long."""

    runtime: str
    file: str
    baseline: str | None  # the float parent in the same runtime
    threads: int | str | None  # a number, "all", or None where the runtime decides
    way: str  # run mode; only Core ML has several
    warmup: int
    runs: int
    seconds: float
    batch: int | None  # images at once, for throughput
    sustained_minutes: float | None


class Window(TypedDict):
    """Consecutive runs of one file."""

    runs: int
    mean_ms: float
    latencies_ms: list[float]  # at most 200, see `summarize`


class _Candidate(TypedDict):
    candidate: Window


class WindowPair(_Candidate, total=False):
    """A window of the candidate, and its neighbor of the baseline if there is one."""

    baseline: Window


class MachineState(TypedDict):
    """The machine, and its state at one moment."""

    os: str
    cpu: str
    governor: str
    temperature_c: float | None  # of the hottest sensor


class _Batch(TypedDict):
    batch: int


class Throughput(_Batch, total=False):
    """Windows of runs on whole batches, or the reason why there are none."""

    windows: list[Window]
    reason: str


class Sustained(TypedDict):
    """Windows of equal duration without a pause between them."""

    window_seconds: float
    windows: list[Window]


class Costs(TypedDict):
    """The cost of loading a file and of its first run."""

    load_ms: float
    first_inference_ms: float
    typical_ms: float  # median of the warm-up runs
    peak_memory_mb: float  # added by loading and running the file


class Surroundings(TypedDict):
    """The other programs on the machine during a timing."""

    beside_stage: bool  # whether another stage of edgebake was running
    other_cores: float  # that other programs kept busy
    cores: int  # of the machine, or 1 if the file ran on a core of its own


class _Extras(TypedDict, total=False):
    typical_ms: float  # missing in recordings of an iPhone
    surroundings: Surroundings  # of recordings of the machine that builds


class Recording(_Extras):
    """The result of one request."""

    schema: str
    request: Request
    sha256: str
    baseline_sha256: str | None
    runtime: str  # distribution and version
    threads: int | None
    before: MachineState
    after: MachineState
    windows: list[WindowPair]
    throughput: Throughput | None
    sustained: Sustained | None
    load_ms: float
    first_inference_ms: float
    peak_memory_mb: float | None


REQUEST_KEYS = Request.__required_keys__


class RefusalError(Exception):
    """The file cannot be timed; the message is one line with the reason."""


class Session(NamedTuple):
    """A loaded file: `feed` sets its inputs, `invoke` runs it once."""

    feed: Callable[[], object]
    invoke: Callable[[], object]


class SessionOptions(NamedTuple):
    """How to load a file."""

    threads: int | None
    run_mode: str
    largest: dict[str, int]


Loader = Callable[[str, "int | None"], Session]  # takes a file and its batch size


def time_model(request: Request) -> Recording:
    """Time a file as requested.

    Raises:
        RefusalError: the request lacks a key, a file is missing, or the runtime is not installed.
    """
    _check_keys(request)
    baseline = request["baseline"]
    # Both files are read before they are loaded: no load time then depends on the disk cache.
    sha256 = digest(Path(request["file"]))
    baseline_sha256 = digest(Path(baseline)) if baseline else None
    threads = _thread_count(request["threads"])
    options = SessionOptions(threads, request["way"], request.get("largest", {}))
    runtime, load = _load_runtime(request["runtime"], options)
    before = machine_state()
    warmup = request["warmup"]
    candidate, costs = _open_session(load, request["file"], None, warmup)
    parent = None
    if baseline:
        parent, _ = _open_session(load, baseline, None, warmup)
    pairs = time_windows(
        candidate, parent, request["runs"], request["seconds"], costs["typical_ms"]
    )
    throughput = _time_batches(load, request)
    sustained = _time_sustained_mode(candidate, request)
    return {
        "schema": SCHEMA,
        "request": request,
        "sha256": sha256,
        "baseline_sha256": baseline_sha256,
        "runtime": runtime,
        "threads": threads,
        "before": before,
        "windows": pairs,
        "throughput": throughput,
        "sustained": sustained,
        "load_ms": costs["load_ms"],
        "first_inference_ms": costs["first_inference_ms"],
        "typical_ms": costs["typical_ms"],
        "peak_memory_mb": costs["peak_memory_mb"],
        "after": machine_state(),
    }


def _check_keys(request: Request) -> None:
    missing = REQUEST_KEYS - request.keys()
    if missing:
        names = ", ".join(sorted(missing))
        raise RefusalError(f"the request lacks {names}")


def time_windows(
    candidate: Runs, baseline: Runs | None, runs: int, seconds: float, typical_ms: float
) -> list[WindowPair]:
    """Time windows of equally many runs, candidate and baseline in turns.

    The candidate comes first in every other pair.

    Args:
        candidate: the file to time.
        baseline: its float parent, if any.
        runs: timed runs of the candidate, at least.
        seconds: timed seconds of the candidate, at least.
        typical_ms: of one run of the candidate.
    """
    needed_ms = seconds * 1e3
    runs_for_duration = needed_ms / max(typical_ms, 1e-6)
    needed_runs = max(runs, runs_for_duration)
    window_runs = max(1, math.ceil(needed_runs / WINDOWS))
    pairs: list[WindowPair] = []
    timed_runs = 0
    timed_ms = 0.0
    while len(pairs) < WINDOWS or timed_runs < runs or timed_ms < needed_ms:
        baseline_first = len(pairs) % 2 == 1
        pair = _time_pair(candidate, baseline, window_runs, baseline_first)
        pairs.append(pair)
        timed_runs += window_runs
        timed_ms += window_runs * pair["candidate"]["mean_ms"]
    return pairs


def _time_pair(
    candidate: Runs, baseline: Runs | None, runs: int, baseline_first: bool
) -> WindowPair:
    # The keys are in the order of timing.
    if baseline is None:
        return {"candidate": summarize(candidate(runs))}
    if baseline_first:
        baseline_window = summarize(baseline(runs))
        candidate_window = summarize(candidate(runs))
        return {"baseline": baseline_window, "candidate": candidate_window}
    candidate_window = summarize(candidate(runs))
    baseline_window = summarize(baseline(runs))
    return {"candidate": candidate_window, "baseline": baseline_window}


def summarize(latencies: list[float]) -> Window:
    """Return the window of some latencies in milliseconds.

    It holds each latency, or 200 evenly spaced order statistics where there are more than 200.
    """
    count = len(latencies)
    mean = math.fsum(latencies) / count
    if count > MAX_LATENCIES:
        ordered = sorted(latencies)
        latencies = []
        for number in range(MAX_LATENCIES):
            share = (number + 0.5) / MAX_LATENCIES
            rank = int(share * count)
            latencies.append(ordered[rank])
    rounded = [round(latency, 6) for latency in latencies]
    return {"runs": count, "mean_ms": mean, "latencies_ms": rounded}


def _time_sustained_mode(candidate: Runs, request: Request) -> Sustained | None:
    minutes = request["sustained_minutes"]
    if not minutes:
        return None
    return time_sustained(candidate, minutes)


def time_sustained(candidate: Runs, minutes: float) -> Sustained:
    """Time windows of at most 10 seconds each, without a pause between them."""
    seconds = minutes * 60
    window_seconds = min(SUSTAINED_WINDOW_S, seconds / 2)
    windows = []
    for _ in range(round(seconds / window_seconds)):
        end = time.perf_counter() + window_seconds
        latencies = candidate(1)
        while time.perf_counter() < end:
            latencies += candidate(1)
        windows.append(summarize(latencies))
    return {"window_seconds": window_seconds, "windows": windows}


def timed_runs_of(invoke: Callable[[], object]) -> Runs:
    """Return a function that invokes a session repeatedly and times each run."""

    def run(count: int) -> list[float]:
        return [_milliseconds(invoke) for _ in range(count)]

    return run


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    end = time.perf_counter_ns()
    return (end - start) / 1e6


def _open_session(load: Loader, file: str, batch: int | None, warmup: int) -> tuple[Runs, Costs]:
    """Load a file and warm it up; return its timed runs and the costs up to there."""
    noise((1,), "float32")  # the first call imports NumPy
    memory = _peak_memory(reset=True)
    start = time.perf_counter()
    session = load(file, batch)
    end = time.perf_counter()
    runs = timed_runs_of(session.invoke)
    session.feed()
    first_ms = runs(1)[0]
    warm_up_ms = sorted(runs(warmup) or [first_ms])
    added_memory = _peak_memory() - memory
    costs: Costs = {
        "load_ms": (end - start) * 1e3,
        "first_inference_ms": first_ms,
        "typical_ms": warm_up_ms[warmup // 2],
        "peak_memory_mb": added_memory / 1e6,
    }
    return runs, costs


def _time_batches(load: Loader, request: Request) -> Throughput | None:
    batch = request["batch"]
    if not batch:
        return None
    try:
        runs, costs = _open_session(load, request["file"], batch, 1)
    except Exception as error:  # each runtime reports a fixed batch size in its own way
        reason = f"the file does not run on {batch} images at once: {_one_line(error)}"
        return {"batch": batch, "reason": reason}
    images = request["runs"] * BATCH_SHARE
    pairs = time_windows(
        runs, None, math.ceil(images / batch), request["seconds"] * BATCH_SHARE, costs["typical_ms"]
    )
    windows = [pair["candidate"] for pair in pairs]
    return {"batch": batch, "windows": windows}


def _load_litert(
    module: ModuleType, options: SessionOptions, file: str, batch: int | None
) -> Session:
    interpreter = module.Interpreter(model_path=file, num_threads=options.threads)
    if batch:
        for tensor in interpreter.get_input_details():
            sizes = tensor["shape"]
            shape = [batch, *sizes[1:]]
            interpreter.resize_tensor_input(tensor["index"], shape)
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    first_output = interpreter.get_output_details()[0]
    predictions = first_output["shape"][0]
    if batch and predictions != batch:
        raise RefusalError(f"it returns {predictions} predictions")

    def feed() -> None:
        for tensor in inputs:
            largest = options.largest.get(tensor["name"])
            values = noise(tensor["shape"], tensor["dtype"], largest)
            interpreter.set_tensor(tensor["index"], values)

    return Session(feed, interpreter.invoke)


def _load_onnx(
    module: ModuleType, options: SessionOptions, file: str, batch: int | None
) -> Session:
    settings = module.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    if b"QuantizeLinear" not in Path(file).read_bytes():
        # As in runtimes/onnxruntime/run.py: convert integer weights to float once, at load.
        settings.add_session_config_entry("session.disable_quant_qdq", "1")
    session = module.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    for tensor in inputs:
        size = tensor.shape[0]
        if batch and isinstance(size, int) and size not in (0, batch):
            raise RefusalError("its batch is fixed")
    values = {}

    def feed() -> None:
        for tensor in inputs:
            values[tensor.name] = _onnx_noise(tensor, batch, options.largest.get(tensor.name))

    def invoke() -> object:
        return session.run(None, values)

    return Session(feed, invoke)


def _onnx_noise(tensor: Any, batch: int | None, largest: int | None) -> NDArray[np.generic]:
    # Symbolic sizes are strings.
    shape = []
    for size in tensor.shape:
        is_fixed = isinstance(size, int) and size > 0
        if is_fixed:
            shape.append(size)
        else:
            shape.append(1)
    if batch:
        shape[0] = batch
    dtype = tensor.type.removeprefix("tensor(").removesuffix(")")
    if dtype == "float":
        dtype = "float32"
    return noise(shape, dtype, largest)


def _load_coreml(
    module: ModuleType, options: SessionOptions, file: str, batch: int | None
) -> Session:
    units = module.ComputeUnit[COMPUTE_UNITS[options.run_mode]]
    model = module.models.MLModel(file, compute_units=units)
    images: list[dict[str, object]] = []

    def feed() -> None:
        images.append(coreml_inputs(model.get_spec(), options.largest))

    def invoke() -> object:
        if batch:
            return model.predict(images * batch)
        return model.predict(images[0])

    return Session(feed, invoke)


class Runtime(NamedTuple):
    """A runtime that the stopwatch can time."""

    load: Callable[[ModuleType, SessionOptions, str, int | None], Session]
    packages: tuple[str, ...]  # alternatives; the first that is installed
    submodule: str


RUNTIMES = {
    "litert": Runtime(_load_litert, ("ai_edge_litert", "tflite_runtime"), ".interpreter"),
    "onnxruntime": Runtime(_load_onnx, ("onnxruntime",), ""),
    "coreml": Runtime(_load_coreml, ("coremltools",), ""),
}


def _load_runtime(name: str, options: SessionOptions) -> tuple[str, Loader]:
    """Import a runtime; return its distribution and version, and a loader of its files."""
    runtime = RUNTIMES[name]
    if name == "coreml" and sys.platform != "darwin":
        raise RefusalError(f"Core ML is a part of macOS and iOS; this is {os_name()}")
    installed = [package for package in runtime.packages if importlib.util.find_spec(package)]
    if not installed:
        packages = " or ".join(runtime.packages)
        raise RefusalError(f"{packages}: not installed for {sys.executable}")
    package = installed[0]
    module = importlib.import_module(package + runtime.submodule)
    version = getattr(sys.modules[package], "__version__", "of unknown version")

    def load(file: str, batch: int | None) -> Session:
        return runtime.load(module, options, file, batch)

    distribution = package.replace("_", "-")
    return f"{distribution} {version}", load


def coreml_inputs(specification: Any, largest: dict[str, int]) -> dict[str, object]:
    """Return noise for each input of a Core ML model, a protobuf `Model`.

    Images are Pillow's, arrays NumPy's. `largest` is that of a request.
    """
    inputs = {}
    for feature in specification.description.input:
        inputs[feature.name] = _coreml_noise(feature.type, largest.get(feature.name))
    return inputs


def _coreml_noise(kind: Any, largest: int | None) -> object:
    if kind.WhichOneof("Type") != "imageType":
        array = kind.multiArrayType
        dtype = "int32" if array.dataType == INT32 else "float32"
        return noise(array.shape, dtype, largest)
    from PIL import Image  # needed by images of Core ML alone

    image = kind.imageType
    shape = [image.height, image.width]
    if image.colorSpace != GRAYSCALE:
        shape.append(3)
    return Image.fromarray(noise(shape, "uint8"))


def noise(shape: Iterable[int], dtype: DTypeLike, largest: int | None = None) -> NDArray[Any]:
    """Return integers, or floats from -1 to 1, of any shape.

    The values do not matter: a dense kernel takes as long for one value as for another. Integers
    are of the dtype's full range, or from 0 to `largest`: a table has only so many rows.
    """
    import numpy as np  # describing the machine needs none

    random = np.random.default_rng(0)
    numeric = np.dtype(dtype)
    size = tuple(shape)
    if numeric.kind in "iu":
        limits = np.iinfo(numeric)
        low, high = (limits.min, limits.max) if largest is None else (0, largest)
        return random.integers(low, high, size, numeric, endpoint=True)
    zero_to_one = random.random(size, np.float32)
    values = zero_to_one * 2 - 1
    return values.astype(numeric, copy=False)


def _thread_count(threads: int | str | None) -> int | None:
    if isinstance(threads, str):
        return all_threads()
    return threads


def all_threads() -> int:
    """Return how many threads this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def digest(path: Path) -> str:
    """Return the sha256 of a file.

    Of a folder, that of the sorted lines `<sha256>  <path below the folder>`.
    """
    if not path.exists():
        raise RefusalError(f"{path}: no such file")
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    lines = []
    for file in path.rglob("*"):
        if file.is_file():
            relative_path = file.relative_to(path).as_posix()
            lines.append(f"{digest(file)}  {relative_path}\n")
    text = "".join(sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


def machine_state() -> MachineState:
    """Return the machine's names and its state now."""
    return {
        "os": os_name(),
        "cpu": cpu_model(),
        "governor": governor(),
        "temperature_c": _highest_temperature(),
    }


def _highest_temperature() -> float | None:
    temperatures = []
    zones = Path("/sys/class/thermal")
    for zone in zones.glob("thermal_zone*/temp"):
        millidegrees = _read(zone).strip()
        is_number = millidegrees.lstrip("-").isdigit()
        if is_number:
            temperatures.append(int(millidegrees) / 1000)
    return max(temperatures, default=None)


def cpu_model() -> str:
    """Return the processor's name, or the board's where the processor has none."""
    names = [
        _mac_processor() if sys.platform == "darwin" else _linux_processor(),
        _read("/proc/device-tree/model"),
        platform.processor(),
        platform.machine(),
    ]
    stripped = [name.strip("\0 \n") for name in names]
    return next(name for name in stripped if name)


def _mac_processor() -> str:
    done = subprocess.run(
        ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
    )
    return done.stdout


def _linux_processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            _, _, name = line.partition(":")
            return name
    return ""


def os_name() -> str:
    """Return the name and version of the operating system, or of the Linux distribution."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    release = _read("/etc/os-release")
    _, _, name = release.partition('PRETTY_NAME="')
    distribution, _, _ = name.partition('"')
    return distribution or f"{platform.system()} {platform.release()}"


def governor() -> str:
    """Return the governor of the processor's clock; empty where the system has none."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _peak_memory(*, reset: bool = False) -> int:
    """Return the process's peak memory in bytes, after a reset where the system supports it."""
    clear_refs = Path("/proc/self/clear_refs")
    if reset and clear_refs.exists():
        clear_refs.write_text("5")  # proc(5): 5 resets the peak resident set size
    status = _read("/proc/self/status")
    _, _, peak_line = status.partition("VmHWM:")
    fields = peak_line.split()
    if fields:
        return int(fields[0]) * 1024
    usage = resource.getrusage(resource.RUSAGE_SELF)
    if sys.platform == "darwin":
        return usage.ru_maxrss
    return usage.ru_maxrss * 1024


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, RefusalError):
        return text
    return f"{type(error).__name__}: {text}"


def main() -> int:
    """Read a request, write the recording, and return the exit code."""
    gc.disable()  # a garbage collection would be counted as the model's time
    # coremltools would import TensorFlow, which takes up to 20 s.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        text = json.dumps(time_model(json.load(sys.stdin)))
    except Exception as error:  # the caller shows one line, not a traceback
        sys.stderr.write(f"\nstopwatch: {_one_line(error)}\n")
        return 1
    # Runtimes write to standard output too; the recording is the last line.
    sys.stdout.write(f"\n{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
