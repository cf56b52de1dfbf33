"""Timings on this machine: alone, or on a core of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebake.evaluation.latency import surroundings
from edgebake.evaluation.latency.protocol import StopwatchRunner
from edgebake.evaluation.latency.request import TimingRequest
from edgebake.evaluation.latency.stopwatch import Recording, Request
from edgebake.machine import cores, load, turns
from edgebake.runtimes.run_modes import RunMode
from tests import timings


class Machine:
    """Stands for the machine: notes what is held while the stopwatch runs."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.runs: list[tuple[str | int | None, tuple[str, ...]]] = []  # threads, what was held
        self.is_alone = True
        self.limits: list[float] = []

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        self.held.append(name)
        yield
        self.held.remove(name)

    @contextmanager
    def alone(self, limit_s: float = turns.WAIT_S) -> Iterator[bool]:
        self.limits.append(limit_s)
        with self.hold("alone"):
            yield self.is_alone

    @contextmanager
    def watch(self, core: int | None = None) -> Iterator[load.OtherLoad]:
        other = load.OtherLoad()
        yield other
        other.cores = 0.5 if core is None else 0.0

    def run(self, request: Request) -> Recording:
        self.runs.append((request["threads"], tuple(self.held)))
        threads = 2 if request["threads"] == "all" else 1
        baselines = [[6.0] * 10] * 30 if request["baseline"] else []
        recording: Recording = timings.recording(
            [[2.0] * 10] * 30, baselines, threads=threads, request=request
        )
        return recording


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(turns, "alone", made.alone)
    monkeypatch.setattr(turns, "timing", lambda: made.hold("timing"))
    monkeypatch.setattr(cores, "pinned", lambda core: made.hold(f"core {core}"))
    monkeypatch.setattr(cores, "own_core", lambda: None)
    monkeypatch.setattr(load, "watch", made.watch)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return made


def _measure(machine: Machine, request: TimingRequest) -> dict[str, str]:
    """Return the marks of the metrics."""
    runner = StopwatchRunner("host", "model.tflite", "baseline.tflite", machine.run)
    metrics = surroundings.measure(request, runner).metrics
    return {name: metric.disturbed_by for name, metric in metrics.items() if metric.disturbed_by}


def test_a_file_is_timed_alone_from_the_first_to_the_last_run(
    machine: Machine, tmp_path: Path
) -> None:
    marks = _measure(machine, timings.timing_request(tmp_path))
    assert machine.runs == [(1, ("alone",)), ("all", ("alone",))]
    assert machine.limits == [turns.WAIT_S]
    # On all threads, there is no core for others.
    assert {name.endswith("_all_threads") for name in marks} == {True}
    assert marks["latency_p90_ms_all_threads"] == "other programs kept 0.5 of 2 cores busy"


def test_beside_a_stage_every_time_is_marked(machine: Machine, tmp_path: Path) -> None:
    machine.is_alone = False
    marks = _measure(machine, timings.timing_request(tmp_path))
    for name in ("latency_p90_ms", "speedup", "frames_per_second", "latency_p90_ms_all_threads"):
        assert marks[name] == turns.BESIDE_STAGE


def test_on_a_core_of_its_own_a_file_is_timed_beside_stages(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "own_core", lambda: 3)
    machine.is_alone = False
    marks = _measure(machine, timings.timing_request(tmp_path))
    assert machine.runs == [(1, ("timing", "core 3")), ("all", ("alone",))]
    assert machine.limits == [0.0]  # nobody waits for the runs on all threads
    assert {name.endswith("_all_threads") for name in marks} == {True}


def test_nothing_waits_for_a_file_that_is_not_timed(machine: Machine, tmp_path: Path) -> None:
    modes = (RunMode("", untimed="an executor"),)
    _measure(machine, timings.timing_request(tmp_path, run_modes=modes))
    assert (machine.limits, machine.runs) == ([], [])
