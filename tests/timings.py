"""Requests on handmade files, and recordings of a stopwatch with known numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingRequest
from edgebake.recipe import Protocol
from edgebake.runtimes.run_modes import SINGLE_MODE, RunMode
from tests import handmade

STATE = {"os": "some OS", "cpu": "some CPU", "governor": "performance", "temperature_c": None}


def protocol(where: str = "host", **fields: Any) -> Protocol:
    """Return the shortest protocol that times every kind of window, with other fields if given."""
    short = {"warmup": 1, "runs": 30, "seconds": 1e-6, "precision": 0.9, "repeats": 1, "batch": 2}
    return Protocol(where=where, **{**short, "sustained_minutes": None, **fields})


def timing_request(
    root: Path, runtime: str = "litert", run_modes: tuple[RunMode, ...] = SINGLE_MODE, **fields: Any
) -> TimingRequest:
    """Return the request for a file that predicts 3, and a float parent that predicts 7."""
    files = {"litert": handmade.constant_tflite, "onnxruntime": handmade.constant_onnx}
    name = {"litert": "model.tflite", "onnxruntime": "model.onnx"}[runtime]
    for folder, number in (("files", 3), ("baseline", 7)):
        (root / folder).mkdir(parents=True)
        (root / folder / name).write_bytes(files[runtime](number))
    return TimingRequest(runtime, root / "files", root / "baseline", run_modes, protocol(**fields))


def stopwatch_request(file: Path, **fields: Any) -> Any:
    """Return the stopwatch's request for a .tflite file, with other fields if given."""
    request = {
        "runtime": "litert",
        "file": str(file),
        "baseline": None,
        "threads": 1,
        "way": "",
        "warmup": 1,
        "runs": 30,
        "seconds": 1e-6,
        "batch": None,
        "sustained_minutes": None,
    }
    return {**request, **fields}


def window(latencies: Sequence[float]) -> Any:
    """Return a window of runs."""
    return stopwatch.summarize(list(latencies))


def recording(
    candidates: Sequence[Sequence[float]], baselines: Sequence[Sequence[float]] = (), **fields: Any
) -> Any:
    """Return a recording with the latencies of each window, and other fields if given."""
    windows = [{"candidate": window(latencies)} for latencies in candidates]
    for pair, baseline in zip(windows, baselines, strict=False):
        pair["baseline"] = window(baseline)
    baseline_sha256 = None
    if baselines:
        baseline_sha256 = "def"
    sound = {
        "schema": stopwatch.SCHEMA,
        "request": stopwatch_request(Path("model.tflite")),
        "sha256": "abc",
        "baseline_sha256": baseline_sha256,
        "runtime": "ai-edge-litert 1.0",
        "threads": 1,
        "before": STATE,
        "after": STATE,
        "load_ms": 12.5,
        "first_inference_ms": 9.0,
        "peak_memory_mb": 3.0,
        "windows": windows,
        "throughput": None,
        "sustained": None,
    }
    return {**sound, **fields}
