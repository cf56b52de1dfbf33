"""Freed memory stays with the process, where the C library is glibc; elsewhere nothing happens."""

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pipeline import keras_session, malloc

ON_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
# Three blocks below M_MMAP_THRESHOLD, allocated, written and freed as a training step does with its tensors.
STEPS = """
import resource
from pipeline import malloc
print({setup})
def step():
    blocks = [b"x" * (16 << 20) for _ in range(3)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults_of_steps(setup: str) -> tuple[str, int]:
    """Return the value of an expression that a process begins with, and the pages that the kernel then gave it."""
    program = STEPS.format(setup=setup)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    value, faults = done.stdout.split()
    return value, int(faults)


@ON_GLIBC
def test_the_kernel_gives_no_page_twice() -> None:
    _, faults_by_default = page_faults_of_steps("None")
    accepted, faults = page_faults_of_steps("malloc.keep_freed_memory()")
    assert accepted == "True"
    assert faults * 10 < faults_by_default


def test_each_setting_fits_a_c_int() -> None:
    assert [ctypes.c_int(value).value for value in malloc.SETTINGS.values()] == list(malloc.SETTINGS.values())


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
    calls = []
    monkeypatch.setattr(malloc, "keep_freed_memory", lambda: calls.append("kept"))
    keras_session.start(1)
    assert calls == ["kept"]
