"""Freed memory stays with the process, where the C library is glibc; elsewhere nothing happens."""

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from edgebake.models import keras_session, malloc

ON_GLIBC = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc"
)
# Blocks below M_MMAP_THRESHOLD, allocated, written and freed as training steps do; also in threads,
# whose heaps are of 64 MiB each and managed by another part of malloc.
STEPS = """
import resource
import threading
from edgebake.models import malloc
print({setup})

def steps(count):
    for _ in range(count):
        blocks = [b"x" * (16 << 20) for _ in range(6)]

def page_faults():
    steps(2)  # the blocks of one step are freed when those of the next are there
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    steps(10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

page_faults()
thread = threading.Thread(target=page_faults)
thread.start()
thread.join()
"""


def page_faults_of_steps(setup: str) -> tuple[str, list[int]]:
    """Evaluate `setup` in a process; return its value and the page faults of both threads."""
    program = STEPS.format(setup=setup)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    value, *faults = done.stdout.split()
    return value, [int(count) for count in faults]


@ON_GLIBC
def test_the_kernel_gives_no_page_twice() -> None:
    _, by_default = page_faults_of_steps("None")
    accepted, kept = page_faults_of_steps("malloc.keep_freed_memory()")
    assert accepted == "True"
    for faults, faults_by_default in zip(kept, by_default, strict=True):
        assert faults * 10 < faults_by_default


def test_each_setting_fits_a_c_int() -> None:
    assert [ctypes.c_int(value).value for value in malloc.SETTINGS.values()] == list(
        malloc.SETTINGS.values()
    )


def test_a_c_library_without_mallopt_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    assert not malloc.keep_freed_memory()


def test_a_refused_setting_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    # As glibc before release 2.35 does with a threshold above 32 MiB.
    def mallopt(parameter: int, _: int) -> int:
        return 0 if parameter == malloc.M_MMAP_THRESHOLD else 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert not malloc.keep_freed_memory()


def test_keras_starts_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(malloc, "keep_freed_memory", lambda: calls.append("kept"))
    keras_session.start(1)
    assert calls == ["kept"]
