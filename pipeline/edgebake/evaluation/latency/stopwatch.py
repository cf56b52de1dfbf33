"""Time one converted file in this process, by turns with its float parent where one is named.

A request as JSON on standard input, the answer as JSON in the last line of standard output: docs/latency.md has both.
Boards and phones get this one file: it needs Python 3.9, NumPy and the runtime. The protocol is the single stream of
MLPerf Mobile (1,024 runs, 60 s, 90th percentile) at the size that is asked for: github.com/mlcommons/mobile_app_open,
github.com/mlcommons/inference_policies.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEMA = "edgebake.timing/1"
WORDS = {
    "runtime",
    "file",
    "baseline",
    "threads",
    "way",
    "warmup",
    "runs",
    "seconds",
    "batch",
    "sustained_minutes",
}
WINDOWS = 30  # at least: enough to resample, and short, so that a slow minute hits candidate and baseline alike
KEPT = 200  # latencies of a window that the answer holds
BATCHED = 0.1  # of the runs and of the seconds, spent again on whole batches
SUSTAINED_WINDOW_S = 10.0
# Compute units of Core ML by the way to run. Source: MLComputeUnits, https://developer.apple.com/documentation/coreml
UNITS = {"": "ALL", "cpu_only": "CPU_ONLY", "cpu_and_neural_engine": "CPU_AND_NE"}
GRAYSCALE, INT32 = (
    10,
    131104,
)  # of a Core ML image and array. Source: FeatureTypes.proto of coremltools
Runs = Callable[[int], "list[float]"]  # runs so often and says what each run took, in milliseconds


class RefusalError(Exception):
    """Hold one line: what cannot be timed, and why."""


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return every window of timed runs, what loading cost, and the state of the machine before and after.

    Raises:
        RefusalError: the request lacks a word, a file is not there, or the runtime is not installed.
    """
    if WORDS - request.keys():
        raise RefusalError(f"the request lacks {', '.join(sorted(WORDS - request.keys()))}")
    threads = all_threads() if request["threads"] == "all" else request["threads"]
    # Both are read before they are loaded, so that no load time depends on what the disk had in its cache.
    sums = {"sha256": digest(Path(request["file"]))}
    sums["baseline_sha256"] = request["baseline"] and digest(Path(request["baseline"]))
    runtime, load = _runtime({**request, "threads": threads})
    found = {
        "schema": SCHEMA,
        "request": request,
        **sums,
        "runtime": runtime,
        "threads": threads,
        "before": facts(),
    }
    candidate, costs = _opened(lambda: load(request["file"], None), request["warmup"])
    parent = (
        request["baseline"]
        and _opened(lambda: load(request["baseline"], None), request["warmup"])[0]
    )
    found["windows"] = windows(
        candidate, parent, request["runs"], request["seconds"], costs["typical_ms"]
    )
    found["throughput"] = _throughput(load, request) if request["batch"] else None
    found["sustained"] = sustained(candidate, request) if request["sustained_minutes"] else None
    return {**found, **costs, "after": facts()}


def windows(
    candidate: Runs, baseline: Runs | None, runs: int, seconds: float, typical: float
) -> list[dict[str, Any]]:
    """Return windows of equally many runs, candidate and baseline by turns; the candidate opens every other pair.

    Runs and seconds are the candidate's, at least; a typical run is given in milliseconds.
    """
    each = max(1, math.ceil(max(runs, seconds * 1e3 / max(typical, 1e-6)) / WINDOWS))
    turns = [("candidate", candidate)] + ([("baseline", baseline)] if baseline else [])
    found: list[dict[str, Any]] = []
    done, spent = 0, 0.0
    while len(found) < WINDOWS or done < runs or spent < seconds * 1e3:
        pair = {
            name: summary(run(each))
            for name, run in (turns if len(found) % 2 == 0 else turns[::-1])
        }
        found.append(pair)
        done, spent = done + each, spent + each * pair["candidate"]["mean_ms"]
    return found


def summary(latencies: list[float]) -> dict[str, Any]:
    """Return number and mean of the runs, and each; of more than 200, evenly spaced order statistics."""
    kept, count = latencies, len(latencies)
    if count > KEPT:
        ordered = sorted(latencies)
        kept = [ordered[int((i + 0.5) / KEPT * count)] for i in range(KEPT)]
    return {
        "runs": count,
        "mean_ms": math.fsum(latencies) / count,
        "latencies_ms": [round(one, 6) for one in kept],
    }


def sustained(candidate: Runs, request: dict[str, Any]) -> dict[str, Any]:
    """Return windows of some seconds each, without a pause between them."""
    seconds = request["sustained_minutes"] * 60
    window, found = min(SUSTAINED_WINDOW_S, seconds / 2), []
    for _ in range(round(seconds / window)):
        until, latencies = time.perf_counter() + window, candidate(1)
        while time.perf_counter() < until:
            latencies += candidate(1)
        found.append(summary(latencies))
    return {"window_seconds": window, "windows": found}


def clocked(invoke: Callable[[], Any]) -> Runs:
    """Return what runs something so often and takes the time of each run."""
    return lambda count: [_milliseconds(invoke) for _ in range(count)]


def _milliseconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def _opened(load: Callable[[], Any], warmup: int) -> tuple[Runs, dict[str, float]]:
    """Return a session, warm, and what it cost to get there; memory is what loading and running added."""
    noise((1,), "float32")  # the first call imports
    before, start = _peak(forget=True), time.perf_counter()
    feed, invoke = load()
    costs, runs = {"load_ms": (time.perf_counter() - start) * 1e3}, clocked(invoke)
    feed()
    costs["first_inference_ms"] = runs(1)[0]
    costs["typical_ms"] = sorted(runs(warmup) or [costs["first_inference_ms"]])[warmup // 2]
    return runs, {**costs, "peak_memory_mb": (_peak() - before) / 1e6}


def _throughput(load: Any, request: dict[str, Any]) -> dict[str, Any]:
    batch = request["batch"]
    try:
        runs, costs = _opened(lambda: load(request["file"], batch), 1)
    except Exception as error:  # each runtime says in its own way that a batch is fixed
        return {
            "batch": batch,
            "reason": f"the file does not run on {batch} images at once: {_line(error)}",
        }
    least = math.ceil(request["runs"] * BATCHED / batch), request["seconds"] * BATCHED
    return {
        "batch": batch,
        "windows": [one["candidate"] for one in windows(runs, None, *least, costs["typical_ms"])],
    }


def _litert(module: Any, request: dict[str, Any], file: str, batch: int | None) -> Any:
    made = module.Interpreter(model_path=file, num_threads=request["threads"])
    for one in made.get_input_details() if batch else ():
        made.resize_tensor_input(one["index"], [batch, *one["shape"][1:]])
    made.allocate_tensors()
    ends, answers = made.get_input_details(), made.get_output_details()[0]["shape"][0]
    if batch and answers != batch:
        raise RefusalError(f"it gives {answers} answers")
    return lambda: [
        made.set_tensor(one["index"], noise(one["shape"], one["dtype"])) for one in ends
    ], made.invoke


def _onnx(module: Any, request: dict[str, Any], file: str, batch: int | None) -> Any:
    options = module.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = request["threads"], 1
    options.log_severity_level = 3
    if b"QuantizeLinear" not in Path(file).read_bytes():
        # As in runtimes/onnxruntime/run.py: integer weights become floats once, at load, not in every run.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    made, fed = module.InferenceSession(file, options, providers=["CPUExecutionProvider"]), {}
    shapes = {
        one.name: [size if isinstance(size, int) else 0 for size in one.shape]
        for one in made.get_inputs()
    }
    if any(batch and shape[0] not in (0, batch) for shape in shapes.values()):
        raise RefusalError("its batch is fixed")

    def feed() -> None:
        for one in made.get_inputs():
            first, *sizes = shapes[one.name]
            kind = one.type[len("tensor(") : -1]
            fed[one.name] = noise(
                [batch or first or 1, *(size or 1 for size in sizes)],
                "float32" if kind == "float" else kind,
            )

    return feed, lambda: made.run(None, fed)


def _coreml(module: Any, request: dict[str, Any], file: str, batch: int | None) -> Any:
    made, fed = (
        module.models.MLModel(file, compute_units=module.ComputeUnit[UNITS[request["way"]]]),
        [],
    )
    return lambda: fed.append(features(made.get_spec())), lambda: made.predict(
        fed * batch if batch else fed[0]
    )


RUNTIMES: dict[str, Any] = {
    "litert": (_litert, ("ai_edge_litert", "tflite_runtime"), ".interpreter"),
    "onnxruntime": (_onnx, ("onnxruntime",), ""),
    "coreml": (_coreml, ("coremltools",), ""),
}


def _runtime(request: dict[str, Any]) -> tuple[str, Callable[[str, int | None], Any]]:
    """Return distribution and version, and what loads a file and gives back how to feed and how to run it."""
    session, packages, module = RUNTIMES[request["runtime"]]
    if request["runtime"] == "coreml" and sys.platform != "darwin":
        raise RefusalError(f"Core ML is a part of macOS and iOS; this is {os_name()}")
    package = next((one for one in packages if importlib.util.find_spec(one)), None)
    if package is None:
        raise RefusalError(f"{' or '.join(packages)}: not installed for {sys.executable}")
    loaded = importlib.import_module(package + module)
    version = getattr(sys.modules[package], "__version__", "of unknown version")
    return f"{package.replace('_', '-')} {version}", lambda file, batch: session(
        loaded, request, file, batch
    )


def features(specification: Any) -> dict[str, Any]:
    """Return noise for each input of a Core ML model: images as Pillow's, arrays as NumPy's."""
    return {one.name: _feature(one.type) for one in specification.description.input}


def _feature(kind: Any) -> Any:
    if kind.WhichOneof("Type") != "imageType":
        return noise(
            kind.multiArrayType.shape,
            "int32" if kind.multiArrayType.dataType == INT32 else "float32",
        )
    from PIL import Image  # for images of Core ML alone

    colors = () if kind.imageType.colorSpace == GRAYSCALE else (3,)
    return Image.fromarray(noise((kind.imageType.height, kind.imageType.width, *colors), "uint8"))


def noise(shape: Any, dtype: Any) -> Any:
    """Return integers of every level, or floats from -1 to 1: a dense kernel takes as long for one as for another."""
    import numpy as np  # what only describes the machine needs none

    random, kind = np.random.default_rng(0), np.dtype(dtype)
    if kind.kind in "iu":
        return random.integers(
            np.iinfo(kind).min, np.iinfo(kind).max, tuple(shape), kind, endpoint=True
        )
    return (random.random(tuple(shape), np.float32) * 2 - 1).astype(kind, copy=False)


def all_threads() -> int:
    """Return how many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def digest(path: Path) -> str:
    """Return the sha256 of a file, or of the sorted lines `<sha256>  <path below the folder>` of a folder."""
    if not path.exists():
        raise RefusalError(f"{path}: no such file")
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = [one for one in path.rglob("*") if one.is_file()]
    lines = sorted(f"{digest(one)}  {one.relative_to(path).as_posix()}\n" for one in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def facts() -> dict[str, Any]:
    """Return what the machine is, and its state now; the temperature is that of the hottest sensor."""
    zones = [_read(zone).strip() for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    hottest = max((int(zone) / 1000 for zone in zones if zone.lstrip("-").isdigit()), default=None)
    return {"os": os_name(), "cpu": cpu_model(), "governor": governor(), "temperature_c": hottest}


def cpu_model() -> str:
    """Return the processor's own name, or the board's where the processor says none."""
    names = [
        one.partition(":")[2]
        for one in _read("/proc/cpuinfo").splitlines()
        if one.startswith("model name")
    ][:1]
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        names = [subprocess.run(asked, capture_output=True, text=True, check=False).stdout]
    names += [_read("/proc/device-tree/model"), platform.processor(), platform.machine()]
    return next(name for name in (one.strip("\0 \n") for one in names) if name)


def os_name() -> str:
    """Return the name and version of the operating system, the distribution's where there is one."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    named = _read("/etc/os-release").partition('PRETTY_NAME="')[2].partition('"')[0]
    return named or f"{platform.system()} {platform.release()}"


def governor() -> str:
    """Return what governs the processor's clock; empty where the system does not say."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _peak(*, forget: bool = False) -> int:
    """Return the process's peak memory in bytes, set back to what it holds now where the system can."""
    clear = Path("/proc/self/clear_refs")
    if forget and clear.exists():
        clear.write_text("5")  # proc(5): 5 resets the peak resident set size
    words = _read("/proc/self/status").partition("VmHWM:")[2].split()
    peak = int(words[0]) if words else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, RefusalError) else f"{type(error).__name__}: {text}"


def main() -> int:
    """Read a request, write the answer, and return the exit code."""
    gc.disable()  # a pause to collect would be counted as the model's
    sys.modules["tensorflow"] = None  # type: ignore[assignment] # coremltools would import it, up to 20 s
    try:
        text = json.dumps(answer(json.load(sys.stdin)))
    except Exception as error:  # for whoever asked, one line says more than a traceback
        sys.stderr.write(f"\nstopwatch: {_line(error)}\n")
        return 1
    sys.stdout.write(
        f"\n{text}\n"
    )  # runtimes greet on standard output too; the answer is the last line
    return 0


if __name__ == "__main__":
    sys.exit(main())
