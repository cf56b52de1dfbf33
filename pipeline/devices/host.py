"""The machine that builds: each timing in a quiet process of its own."""

import json
import subprocess
import sys
from typing import Any

from pipeline.errors import HostError
from pipeline.measurement import Measurement, all_threads, cpu_model
from pipeline.timing import Timed, Timing

PERCENTILES = (50, 90, 95, 99)


def measure(job: Timed) -> Timing:
    """Return latency, frames per second, load time and peak memory of a converted file.

    Latency on one thread carries the plain names, on all threads names that end in `_all_threads`.
    """
    one, every = _timed(job, 1), _timed(job, all_threads())
    metrics = _latency(one["latencies_ms"], 1)
    metrics["load_ms"] = _measurement(one["load_ms"], "ms", 1, 1)
    metrics["peak_memory_mb"] = _measurement(one["peak_memory_mb"], "MB", 1, 1)
    on_all = _latency(every["latencies_ms"], all_threads())
    return Timing(metrics | {f"{name}_all_threads": value for name, value in on_all.items()}, one["latencies_ms"])


def _latency(latencies: list[float], threads: int) -> dict[str, Measurement]:
    import numpy as np  # noqa: PLC0415 - the planner loads this module too

    count = len(latencies)
    found = {
        f"latency_p{percent}_ms": _measurement(float(np.percentile(latencies, percent)), "ms", threads, count)
        for percent in PERCENTILES
    }
    frames = 1000 / float(np.mean(latencies))
    return found | {"frames_per_second": _measurement(frames, "1/s", threads, count)}


def _measurement(value: float, unit: str, threads: int, count: int) -> Measurement:
    return Measurement(value, unit, "host", device=cpu_model(), threads=threads, n=count)


def _timed(job: Timed, threads: int) -> dict[str, Any]:
    request = {**vars(job), "files": str(job.files), "threads": threads}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.stopwatch"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise HostError(f"{job.files}: timing it on {threads} threads ended with code {done.returncode}: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
