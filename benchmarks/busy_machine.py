"""Time a LiteRT file and its float parent while other programs keep cores busy.

    python -m benchmarks.busy_machine FILE.tflite PARENT.tflite [--repeats N] [--busy CORES ...]

Prints, for each number of busy cores, the medians of the repeats: percentiles of the file's latency
and its speedup. The loads are measured in random order, so that a change of the machine hits all.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgebake.evaluation.latency.stopwatch import Recording

BURST = 0.02  # seconds for which a program computes without a pause
RUNS = 200  # of the file, at least
SECONDS = 0.5  # of timed runs, at least


def main() -> None:
    """Measure every load and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("parent", type=Path, help="the float file for the speedup")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--busy", type=float, nargs="+", default=[0, 0.25, 0.5, 1, 1.5, 2, 10])
    arguments = parser.parse_args()
    rows: dict[float, list[tuple[float, float, float]]] = {load: [] for load in arguments.busy}
    order = random.Random(0)  # noqa: S311 - the same order each time
    for _ in range(arguments.repeats):
        for load in order.sample(arguments.busy, len(arguments.busy)):
            with busy(load):
                rows[load].append(measure(arguments.file, arguments.parent))
    table = Table("busy cores", "p50 ms", "p90 ms", "speedup", title=arguments.file.name)
    for load, measured in rows.items():
        medians = [statistics.median(column) for column in zip(*measured, strict=True)]
        table.add_row(f"{load:g}", *(f"{median:.4f}" for median in medians))
    Console(width=100).print(table)


@contextmanager
def busy(cores: float) -> Iterator[None]:
    """Keep a number of cores busy by as many programs; the last one has pauses."""
    shares = [1.0] * int(cores)
    if cores % 1:
        shares.append(cores % 1)
    programs = [multiprocessing.Process(target=compute, args=(share,)) for share in shares]
    for program in programs:
        program.start()
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.join()


def compute(share: float) -> None:
    """Compute for a share of the time, until this process is killed."""
    while True:
        end = time.perf_counter() + BURST
        while time.perf_counter() < end:
            pass
        time.sleep(BURST * (1 - share) / share)


def measure(file: Path, parent: Path) -> tuple[float, float, float]:
    """Return 50th and 90th percentile in ms, and the speedup, of one run of the stopwatch."""
    request = {"runtime": "litert", "file": str(file), "baseline": str(parent), "threads": 1}
    protocol = {"way": "", "warmup": 50, "runs": RUNS, "seconds": SECONDS, "batch": None}
    completed = subprocess.run(
        [sys.executable, "-m", "edgebake.evaluation.latency.stopwatch"],
        input=json.dumps({**request, **protocol, "sustained_minutes": None}),
        capture_output=True,
        text=True,
        check=True,
    )
    recording: Recording = json.loads(completed.stdout.strip().splitlines()[-1])
    latencies: list[float] = []
    speedups = []
    for window in recording["windows"]:
        of_file = window["candidate"]["latencies_ms"]
        of_parent = window["baseline"]["latencies_ms"]
        latencies += of_file
        speedups.append(statistics.median(of_parent) / statistics.median(of_file))
    deciles = statistics.quantiles(latencies, n=10)
    return deciles[4], deciles[8], statistics.median(speedups)


if __name__ == "__main__":
    main()
