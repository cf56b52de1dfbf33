"""Measure how many cores other programs keep busy, while this process and its children work."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Shares of the processor's time in which no program ran. Time that a hypervisor gave to another
# machine ("steal") counts as busy, and so does the work of the kernel.
IDLE = ("idle", "iowait")
# Linux counts the time of guests as that of users too.
COUNTED_TWICE = ("guest", "guest_nice")


class OtherLoad:
    """The cores that other programs kept busy, 0 to the number of cores; known at the end."""

    cores = 0.0


@contextmanager
def watch(core: int | None = None) -> Iterator[OtherLoad]:
    """Measure the load of other programs while a block runs.

    Processes that the block starts have to end within it: they count as this one.

    Args:
        core: the only core that counts; none: all cores.
    """
    load = OtherLoad()
    start = time.monotonic()
    busy = -_busy_seconds(core)
    own = -_own_seconds()
    try:
        yield load
    finally:
        busy += _busy_seconds(core)
        own += _own_seconds()
        seconds = time.monotonic() - start
        if seconds > 0:
            load.cores = max(0.0, (busy - own) / seconds)


def _busy_seconds(core: int | None) -> float:
    """Return for how long all cores, or one of them, have been busy since the machine started."""
    import psutil  # needed where a file is timed

    times = psutil.cpu_times() if core is None else psutil.cpu_times(percpu=True)[core]
    seconds = 0.0
    for name, value in times._asdict().items():
        if name not in (*IDLE, *COUNTED_TWICE):
            seconds += value
    return seconds


def _own_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
