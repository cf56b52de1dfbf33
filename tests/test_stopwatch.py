"""The stopwatch loads once, runs warm-ups untimed, and counts the memory that loading and running add."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import stopwatch
from tests import handmade

MEGABYTE = 1_000_000


class Session:
    """Stands for a runtime: remembers what it was fed and how often it ran, and takes its time."""

    def __init__(self, kept_mb: int = 0, run_ms: float = 0.0) -> None:
        self.kept = np.ones(kept_mb * MEGABYTE, np.uint8)
        self.run_ms = run_ms
        self.fed: list[NDArray[Any]] = []
        self.runs = 0

    def feed(self, example: NDArray[Any]) -> None:
        self.fed.append(example)

    def invoke(self) -> None:
        self.runs += 1
        time.sleep(self.run_ms / 1000)

    def read(self) -> NDArray[np.float32]:
        raise NotImplementedError


class Runtime:
    """Stands for a runtime's module: remembers what it was asked to load, and takes its time."""

    def __init__(self, load_ms: float = 0.0, kept_mb: int = 0, run_ms: float = 0.0) -> None:
        self.load_ms, self.kept_mb, self.run_ms = load_ms, kept_mb, run_ms
        self.loaded: list[tuple[dict[str, bytes], int, str]] = []
        self.sessions: list[Session] = []

    def load(self, files: dict[str, bytes], threads: int, way: str) -> Session:
        time.sleep(self.load_ms / 1000)
        self.loaded.append((files, threads, way))
        self.sessions.append(Session(self.kept_mb, self.run_ms))
        return self.sessions[-1]


@pytest.fixture
def request_of(tmp_path: Path) -> dict[str, Any]:
    """A request for 3 warm-ups and 7 timed runs of a file."""
    (tmp_path / "model.onnx").write_bytes(b"a model")
    wanted = {"shape": [1, 32, 32, 1], "image": False, "warmup": 3, "runs": 7, "threads": 2, "way": "cpu_only"}
    return {"runtime": "onnxruntime", "files": str(tmp_path), **wanted}


def _answered(runtime: Runtime, request: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("pipeline.runtimes.onnxruntime.run.load", runtime.load)
    return stopwatch.answer(request)


def test_the_files_are_loaded_once_on_the_threads_and_in_the_way_asked_for(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime()
    _answered(runtime, request_of, monkeypatch)
    assert runtime.loaded == [({"model.onnx": b"a model"}, 2, "cpu_only")]


def test_warm_ups_run_and_are_not_among_the_timings(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime()
    answer = _answered(runtime, request_of, monkeypatch)
    assert runtime.sessions[0].runs == 10
    assert len(answer["latencies_ms"]) == 7


def test_one_example_is_fed_in_the_range_of_a_scaled_image(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime()
    _answered(runtime, request_of, monkeypatch)
    (example,) = runtime.sessions[0].fed
    assert example.shape == (1, 32, 32, 1)
    assert example.dtype == np.float32
    assert -1 <= example.min() < -0.9
    assert 0.9 < example.max() <= 1


def test_a_file_that_takes_an_image_is_fed_pixels_of_every_level(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime()
    _answered(runtime, request_of | {"image": True}, monkeypatch)
    (example,) = runtime.sessions[0].fed
    assert example.shape == (1, 32, 32, 1)
    assert example.dtype == np.uint8
    assert (example.min(), example.max()) == (0, 255)


def test_loading_and_each_run_are_timed_in_milliseconds(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _answered(Runtime(load_ms=30, run_ms=5), request_of, monkeypatch)
    # sleep() never returns early; a busy machine may make it late.
    assert 30 <= answer["load_ms"] < 3000
    assert all(5 <= latency < 500 for latency in answer["latencies_ms"])


def test_memory_is_what_loading_added_to_a_process_that_once_held_more(
    request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux can forget a peak")
    np.ones(300 * MEGABYTE, np.uint8)
    answer = _answered(Runtime(kept_mb=100), request_of, monkeypatch)
    assert 95 < answer["peak_memory_mb"] < 150


def test_a_process_answers_in_its_last_line(request_of: dict[str, Any]) -> None:
    (Path(request_of["files"]) / "model.onnx").write_bytes(handmade.constant_onnx(3))
    command = [sys.executable, "-m", "pipeline.stopwatch"]
    done = subprocess.run(command, input=json.dumps(request_of), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert sorted(answer) == ["latencies_ms", "load_ms", "peak_memory_mb"]
    assert len(answer["latencies_ms"]) == 7
    assert min(answer["latencies_ms"]) > 0


def test_a_file_that_does_not_load_ends_the_process_with_its_reason(request_of: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "pipeline.stopwatch"]
    done = subprocess.run(command, input=json.dumps(request_of), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "InvalidProtobuf" in done.stderr
