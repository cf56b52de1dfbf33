"""Count the cores and the memory that this process may use, also in a container."""

import os
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")  # version 2, https://docs.kernel.org/admin-guide/cgroup-v2.html
GB = 1e9


def cores() -> int:
    """Return the number of cores, at least 1."""
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    quota, _, period = _read("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        count = min(count, int(quota) // int(period))
    return max(count, 1)


def available_memory_gb() -> float:
    """Return the memory that is available without swapping, in 10^9 bytes."""
    available = int(psutil.virtual_memory().available)
    limit = _read("memory.max")
    current = _read("memory.current")
    if limit.isdigit() and current.isdigit():
        available = min(available, int(limit) - int(current))
    return available / GB


def _read(name: str) -> str:
    try:
        return (CGROUP / name).read_text().strip()
    except OSError:
        return ""
