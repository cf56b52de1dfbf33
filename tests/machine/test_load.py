"""The load of other programs, without that of this process and its children."""

import subprocess
import sys
from collections import namedtuple

import psutil
import pytest

from edgebake.machine import load

BURN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"
Times = namedtuple("Times", "user nice system idle iowait irq softirq steal guest guest_nice")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows 0, then 10 seconds."""
    shown = [0.0, 10.0]
    monkeypatch.setattr("time.monotonic", lambda: shown.pop(0))
    return shown


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("core", "others"), [(None, 0.7), (1, 0.2)])
def test_others_are_what_is_busy_without_this_process(
    monkeypatch: pytest.MonkeyPatch, core: int | None, others: float
) -> None:
    # In 10 s: 5 + 1 + 2 + 1 + 1 + 1 = 11 s busy on both cores, of which 4 s are this process's.
    both = [Times(*[100.0] * 10), Times(105, 101, 102, 900, 900, 101, 101, 101, 103, 103)]
    # On core 1: 6 s busy.
    one = [Times(*[100.0] * 10), Times(106, 100, 100, 900, 900, 100, 100, 100, 106, 100)]
    idle = Times(*[0.0] * 10)

    def cpu_times(*, percpu: bool = False) -> Times | list[Times]:
        return [idle, one.pop(0)] if percpu else both.pop(0)

    monkeypatch.setattr(psutil, "cpu_times", cpu_times)
    own = [1.0, 5.0]
    monkeypatch.setattr(load, "_own_seconds", lambda: own.pop(0))
    with load.watch(core) as measured:
        pass
    assert measured.cores == pytest.approx(others)


def test_a_child_that_ended_counts_as_this_process() -> None:
    before = load._own_seconds()
    subprocess.run([sys.executable, "-c", BURN.format(seconds=0.3)], check=True)
    assert load._own_seconds() - before > 0.29  # the clock ticks every 0.01 s
