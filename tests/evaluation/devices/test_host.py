"""Timings on the host: one process for one thread, one for all, more for wide intervals."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import HostError
from edgebake.evaluation.devices import host
from edgebake.evaluation.latency import command, protocol
from edgebake.evaluation.latency.command import CommandResult, Limits
from edgebake.evaluation.latency.request import TimingRequest
from edgebake.runtimes.run_modes import RunMode
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from tests import timings

UNITS = (
    RunMode("", threaded=False),
    RunMode("cpu_only", threaded=False),
    RunMode("float32", untimed="an executor"),
)


class Stopwatch:
    """Stands for the stopwatch: stores each request, prints a greeting and a recording."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.code = 0
        self.windows = [[2.0] * 10] * 30

    def run(self, program: list[str], limits: Limits, stdin: bytes) -> CommandResult:
        assert program[1:] == ["-m", "edgebake.evaluation.latency.stopwatch"]
        assert limits.seconds > 0
        asked = json.loads(stdin)
        self.requests.append(asked)
        baselines = [[6.0] * 10] * 30 if asked["baseline"] else []
        threads = 4 if asked["threads"] == "all" else asked["threads"]
        answer = json.dumps(
            timings.recording(self.windows, baselines, threads=threads, request=asked)
        )
        output = f"INFO: hello\n\n{answer}\n"
        return CommandResult(self.code, output, "stopwatch: no kernel\n")


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    made = Stopwatch()
    monkeypatch.setattr(command, "run", made.run)
    return made


@pytest.fixture
def job(tmp_path: Path) -> TimingRequest:
    return timings.timing_request(tmp_path, precision=0.05, repeats=3, sustained_minutes=1.0)


def test_plain_names_are_one_thread_beside_the_baseline_and_the_others_are_all(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    metrics = host.measure(job).metrics
    assert (metrics["latency_p90_ms"].value, metrics["latency_p90_ms"].threads) == (2.0, 1)
    assert (metrics["speedup"].value, metrics["baseline_p90_ms"].value) == (3.0, 6.0)
    assert metrics["latency_p90_ms_all_threads"].threads == 4
    assert "speedup_all_threads" not in metrics
    assert {metric.where for metric in metrics.values()} == {"host"}


def test_one_thread_is_asked_everything_and_all_threads_only_for_latency(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    host.measure(job)
    one, every = stopwatch.requests
    asked = {
        "runtime": "litert",
        "file": str(job.files / "model.tflite"),
        "way": "",
        "warmup": 1,
        "runs": 30,
    }
    assert one == asked | {
        "seconds": 1e-6,
        "threads": 1,
        "baseline": str(job.files.parent / "baseline" / "model.tflite"),
        "batch": 2,
        "sustained_minutes": 1.0,
    }
    assert every == one | {
        "threads": "all",
        "baseline": None,
        "batch": None,
        "sustained_minutes": None,
    }


def test_a_wide_interval_is_measured_again_in_a_new_process(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    stopwatch.windows = [[1.0] * 15, [9.0] * 15]
    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        metrics = host.measure(job).metrics
    assert shown[0] == Progress(0, 90, "runs")
    assert shown[-1] == Progress(90, 90, "runs")
    assert [one["threads"] for one in stopwatch.requests] == [1, 1, 1, "all"]
    assert [one["batch"] for one in stopwatch.requests] == [2, None, None, None]
    assert metrics["latency_p90_ms"].n == 90
    assert metrics["load_ms"].n == 3


def test_a_narrow_one_is_not(stopwatch: Stopwatch, job: TimingRequest) -> None:
    host.measure(job)
    assert [one["threads"] for one in stopwatch.requests] == [1, "all"]


def test_each_timed_way_names_its_own_metrics(stopwatch: Stopwatch, tmp_path: Path) -> None:
    metrics = host.measure(timings.timing_request(tmp_path, run_modes=UNITS)).metrics
    assert [(one["way"], one["threads"], bool(one["baseline"])) for one in stopwatch.requests] == [
        ("", None, True),
        ("cpu_only", None, False),
    ]
    assert metrics["latency_p50_ms"].value == metrics["latency_p50_ms_cpu_only"].value
    assert not any(name.endswith(("_all_threads", "_float32")) for name in metrics)


def test_a_file_that_cannot_be_timed_here_says_why(stopwatch: Stopwatch, tmp_path: Path) -> None:
    found = host.measure(timings.timing_request(tmp_path, run_modes=UNITS[::-1])).metrics[
        "latency_p90_ms"
    ]
    assert (found.value, found.reason, stopwatch.requests) == (None, "an executor", [])


def test_a_runtime_that_the_stopwatch_does_not_know_is_not_timed(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    runner = protocol.StopwatchRunner("host", "model.npz", None, lambda _: timings.recording([]))
    result = protocol.measure(replace(job, runtime="matmul"), runner)
    latency = result.metrics["latency_p90_ms"]
    assert (latency.value, latency.reason) == (None, "the stopwatch does not support matmul")
    assert stopwatch.requests == []


def test_every_kept_run_on_one_thread_is_there_for_the_plot(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    assert host.measure(job).latencies_ms == [2.0] * 300


def test_a_stopwatch_that_fails_is_told_with_its_own_words(
    stopwatch: Stopwatch, job: TimingRequest
) -> None:
    stopwatch.code = 1
    with pytest.raises(HostError, match=r"model\.tflite: timing it failed: no kernel$"):
        host.measure(job)


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_a_real_process_times_a_real_file(tmp_path: Path, runtime: str) -> None:
    metrics = host.measure(timings.timing_request(tmp_path, runtime)).metrics
    for name in ("latency_p90_ms", "speedup", "latency_p90_ms_all_threads"):
        low, high = metrics[name].interval or [0, 0]
        assert 0 < low <= high
    assert all(
        metrics[name].value for name in ("load_ms", "first_inference_ms", "frames_per_second")
    )
    assert (metrics["throughput_batch_2"].value is None) == (runtime == "onnxruntime")
