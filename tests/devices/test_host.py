"""Timings on the host: worked percentiles from an answer of the stopwatch."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.devices import host
from pipeline.errors import HostError
from pipeline.measurement import Measurement
from pipeline.timing import Timed
from pipeline.ways import ONLY, Way

JOB = Timed("litert", Path("artifacts/files"), [1, 2, 2, 1], image=False, ways=ONLY, warmup=5, runs=100)
UNITS = (Way("", threaded=False), Way("cpu_only", threaded=False))  # as a runtime that is told no number of threads
ANSWERS: dict[int, dict[str, Any]] = {
    1: {"latencies_ms": [float(n) for n in range(100, 0, -1)], "load_ms": 12.5, "peak_memory_mb": 3.0},
    4: {"latencies_ms": [4.0] * 50, "load_ms": 99.0, "peak_memory_mb": 99.0},
}


class Stopwatch:
    """Stands for the process that times: remembers what it was asked, and answers behind a greeting."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.code = 0

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "pipeline.stopwatch"]
        request = json.loads(options["input"])
        self.requests.append(request)
        answer = json.dumps(ANSWERS[request["threads"]])
        return subprocess.CompletedProcess(command, self.code, f"INFO: hello\n{answer}\n", "no kernel for CUSTOM")


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    made = Stopwatch()
    monkeypatch.setattr(subprocess, "run", made.run)
    monkeypatch.setattr(host, "cpu_model", lambda: "some CPU")
    monkeypatch.setattr(host, "all_threads", lambda: 4)
    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # 1 to 100 ms: the p-th percentile lies p % of the way from 1 to 100.
        ("latency_p50_ms", 50.5),
        ("latency_p90_ms", 90.1),
        ("latency_p95_ms", 95.05),
        ("latency_p99_ms", 99.01),
        ("frames_per_second", 1000 / 50.5),
        ("load_ms", 12.5),
        ("peak_memory_mb", 3.0),
        ("latency_p95_ms_all_threads", 4.0),
        ("frames_per_second_all_threads", 250.0),
    ],
)
def test_percentiles_and_frames_are_those_of_the_runs(stopwatch: Stopwatch, name: str, value: float) -> None:
    assert host.measure(JOB).metrics[name].value == pytest.approx(value)


def test_plain_names_are_one_thread_and_the_others_say_how_many(stopwatch: Stopwatch) -> None:
    metrics = host.measure(JOB).metrics
    assert metrics["latency_p50_ms_all_threads"] == Measurement(4.0, "ms", "host", "some CPU", threads=4, n=50)
    assert (metrics["latency_p50_ms"].threads, metrics["latency_p50_ms"].n) == (1, 100)
    assert (metrics["load_ms"].threads, metrics["load_ms"].n) == (1, 1)


def test_every_run_on_one_thread_is_kept_in_its_order(stopwatch: Stopwatch) -> None:
    assert host.measure(JOB).latencies_ms[:3] == [100.0, 99.0, 98.0]


def test_stopwatch_is_asked_once_for_one_thread_and_once_for_all(stopwatch: Stopwatch) -> None:
    host.measure(JOB)
    asked = {"runtime": "litert", "files": "artifacts/files", "shape": [1, 2, 2, 1], "image": False}
    asked |= {"warmup": 5, "runs": 100, "way": ""}
    assert stopwatch.requests == [asked | {"threads": 1}, asked | {"threads": 4}]


def test_each_way_is_timed_and_names_its_own_metrics(stopwatch: Stopwatch) -> None:
    metrics = host.measure(replace(JOB, ways=UNITS)).metrics
    assert [(request["way"], request["threads"]) for request in stopwatch.requests] == [("", 1), ("cpu_only", 1)]
    assert metrics["latency_p50_ms"] == metrics["latency_p50_ms_cpu_only"]
    assert metrics["latency_p50_ms"] == Measurement(50.5, "ms", "host", "some CPU", threads=None, n=100)
    assert not any(name.endswith("_all_threads") for name in metrics)


def test_a_stopwatch_that_fails_is_told_with_its_own_words(stopwatch: Stopwatch) -> None:
    stopwatch.code = 3
    with pytest.raises(HostError, match=r"artifacts/files: timing it on 1 threads ended with code 3: no kernel"):
        host.measure(JOB)
