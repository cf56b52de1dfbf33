"""Cores and memory, also where a container has less than the machine."""

import os
from pathlib import Path

import pytest

from edgebake.machine import capacity


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the kernel's settings of a container."""
    monkeypatch.setattr(capacity, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.usefixtures("cgroup")
def test_without_a_container_all_cores_of_the_process_count() -> None:
    assert capacity.cores() == 8


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("300000 100000", 3), ("50000 100000", 1)]
)
def test_a_container_has_the_cores_of_its_quota(cgroup: Path, quota: str, cores: int) -> None:
    (cgroup / "cpu.max").write_text(f"{quota}\n")
    assert capacity.cores() == cores


def test_a_container_has_what_is_left_of_its_memory(cgroup: Path) -> None:
    whole = capacity.available_memory_gb()
    (cgroup / "memory.max").write_text("max\n")
    (cgroup / "memory.current").write_text("1000000\n")
    assert capacity.available_memory_gb() == pytest.approx(whole, rel=0.5)
    (cgroup / "memory.max").write_text("51000000\n")
    assert capacity.available_memory_gb() == 0.05
