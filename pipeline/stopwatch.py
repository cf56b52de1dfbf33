"""Time one converted file in a process of its own: a request as JSON on standard input, an answer on standard output.

Nothing else is imported or running in it, so that memory and time are the model's and its runtime's.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import read_files


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return load time, peak memory grown by loading and running, and every timed run.

    The fed example is noise, pixels or in the range of a scaled image: a dense kernel takes as long for one as for
    another.
    """
    run = importlib.import_module(f"pipeline.runtimes.{request['runtime']}.run")
    example = _noise(request["shape"], request["image"])
    before = _forget_peak()
    start = time.perf_counter()
    session = run.load(read_files(Path(request["files"])), request["threads"], request["way"])
    load_ms = (time.perf_counter() - start) * 1e3
    session.feed(example)
    for _ in range(request["warmup"]):
        session.invoke()
    latencies = [_milliseconds(session.invoke) for _ in range(request["runs"])]
    return {"load_ms": load_ms, "peak_memory_mb": (_peak() - before) / 1e6, "latencies_ms": latencies}


def _noise(shape: list[int], image: bool) -> NDArray[Any]:
    random = np.random.default_rng(0)
    if image:
        return random.integers(0, 256, shape, np.uint8)
    return random.uniform(-1, 1, shape).astype(np.float32)


def _milliseconds(call: Callable[[], None]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def _forget_peak() -> int:
    """Set the process's peak memory back to what it holds now, where the system can; return it in bytes."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # proc(5): 5 resets the peak resident set size
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text().splitlines())
        return next(int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    # Runtimes greet on standard output too; the answer is the last line.
    sys.stdout.write("\n" + json.dumps(answer(json.load(sys.stdin))) + "\n")
