"""Find a core that the kernel keeps free of other programs, and run on it.

Linux keeps the cores of its boot parameter `isolcpus=` out of its scheduler: only a process that
asks for one of them runs there. Source: admin-guide/kernel-parameters.rst and sysfs-devices-
system-cpu of the kernel's documentation.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYSTEM = Path("/sys/devices/system/cpu")


def own_core(system: Path = SYSTEM) -> int | None:
    """Return an isolated core on which this process may run; none: there is no such core.

    Threads that share the caches of a physical core slow each other down, so all of the threads of
    the core have to be isolated.
    """
    isolated = parse_list(_read(system / "isolated"))
    for number in sorted(isolated):
        siblings = parse_list(_read(system / f"cpu{number}/topology/thread_siblings_list"))
        if siblings <= isolated and _is_allowed(number):
            return number
    return None


def parse_list(text: str) -> set[int]:
    """Parse a list of the kernel, such as `2-3,6`; none of an empty one."""
    numbers: set[int] = set()
    for item in text.strip().split(","):
        first, _, last = item.partition("-")
        if first:
            numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run this thread, and the processes that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _is_allowed(core: int) -> bool:
    """Return whether this process may run on a core; in a container it may not."""
    try:
        with pinned(core):
            return True
    except OSError:
        return False


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
