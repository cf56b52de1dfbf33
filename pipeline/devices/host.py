"""The machine that builds: each timing in a quiet process of its own."""

import json
import subprocess
import sys
from typing import Any

from pipeline.errors import HostError
from pipeline.measurement import Measurement, all_threads, cpu_model
from pipeline.timing import Timed, Timing
from pipeline.ways import HOST, Way

PERCENTILES = (50, 90, 95, 99)


def measure(job: Timed) -> Timing:
    """Return latency, frames per second, load time and peak memory of a converted file in each of its ways.

    The first way on one thread carries the plain names; on all threads they end in `_all_threads`, and those of another
    way in its name.
    """
    first: list[float] = []
    metrics: dict[str, Measurement] = {}
    for way in job.ways:
        answer = _timed(job, way, 1)
        first = first or answer["latencies_ms"]
        metrics |= {way.named(name): one for name, one in _of_one_process(answer, 1 if way.threaded else None).items()}
        if way.threaded:
            on_all = _latency(_timed(job, way, all_threads())["latencies_ms"], all_threads())
            metrics |= {f"{way.named(name)}_all_threads": one for name, one in on_all.items()}
    return Timing(metrics, first)


def _of_one_process(answer: dict[str, Any], threads: int | None) -> dict[str, Measurement]:
    metrics = _latency(answer["latencies_ms"], threads)
    metrics["load_ms"] = _measurement(answer["load_ms"], "ms", threads, 1)
    metrics["peak_memory_mb"] = _measurement(answer["peak_memory_mb"], "MB", threads, 1)
    return metrics


def _latency(latencies: list[float], threads: int | None) -> dict[str, Measurement]:
    import numpy as np  # noqa: PLC0415 - the planner loads this module too

    count = len(latencies)
    found = {
        f"latency_p{percent}_ms": _measurement(float(np.percentile(latencies, percent)), "ms", threads, count)
        for percent in PERCENTILES
    }
    frames = 1000 / float(np.mean(latencies))
    return found | {"frames_per_second": _measurement(frames, "1/s", threads, count)}


def _measurement(value: float, unit: str, threads: int | None, count: int) -> Measurement:
    return Measurement(value, unit, HOST, device=cpu_model(), threads=threads, n=count)


def _timed(job: Timed, way: Way, threads: int) -> dict[str, Any]:
    request = {**vars(job), "files": str(job.files), "threads": threads, "way": way.name}
    del request["ways"]
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
