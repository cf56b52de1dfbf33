"""What tests of timing start from: a job on handmade files, and answers of a stopwatch with known numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingRequest
from edgebake.recipe import Protocol
from edgebake.runtimes.run_modes import SINGLE_MODE, RunMode
from tests import handmade

Answer = dict[str, Any]
STATE = {"os": "some OS", "cpu": "some CPU", "governor": "performance", "temperature_c": None}


def protocol(where: str = "host", **words: Any) -> Protocol:
    """Return the shortest protocol that still times every kind of thing once, with other words where given."""
    short = {"warmup": 1, "runs": 30, "seconds": 1e-6, "precision": 0.9, "repeats": 1, "batch": 2}
    return Protocol(where=where, **{**short, "sustained_minutes": None, **words})


def job(
    root: Path, runtime: str = "litert", ways: tuple[RunMode, ...] = SINGLE_MODE, **words: Any
) -> TimingRequest:
    """Return a job for a file that answers 3, beside a float parent that answers 7."""
    files = {"litert": handmade.constant_tflite, "onnxruntime": handmade.constant_onnx}
    name = {"litert": "model.tflite", "onnxruntime": "model.onnx"}[runtime]
    for folder, number in (("files", 3), ("baseline", 7)):
        (root / folder).mkdir(parents=True)
        (root / folder / name).write_bytes(files[runtime](number))
    return TimingRequest(runtime, root / "files", root / "baseline", ways, protocol(**words))


def request(file: Path, **words: Any) -> Answer:
    """Return what a stopwatch is asked of a .tflite file, with other words where given."""
    asked = {
        "runtime": "litert",
        "file": str(file),
        "baseline": None,
        "threads": 1,
        "way": "",
        "batch": None,
    }
    return {**asked, "warmup": 1, "runs": 30, "seconds": 1e-6, "sustained_minutes": None, **words}


def window(latencies: Sequence[float]) -> Answer:
    """Return a window of runs."""
    return stopwatch.summary(list(latencies))


def answer(
    candidates: Sequence[Sequence[float]], baselines: Sequence[Sequence[float]] = (), **fields: Any
) -> Answer:
    """Return an answer with the latencies of each window, and other fields where given."""
    windows = [{"candidate": window(one)} for one in candidates]
    for pair, baseline in zip(windows, baselines, strict=False):
        pair["baseline"] = window(baseline)
    found: Answer = {
        "schema": stopwatch.SCHEMA,
        "request": request(Path("model.tflite")),
        "sha256": "abc",
        "baseline_sha256": "def" if baselines else None,
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
    return {**found, **fields}
