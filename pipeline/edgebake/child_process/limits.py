"""Limits of a child process, and the environment that it starts with."""

import math
import os
import resource
import signal
import sys
from dataclasses import dataclass

GIB = 1024**3
MIB = 1024**2
# Variables that a child gets. A list of those to leave out would never be complete: a key can lie
# in a variable of any name (`env:NAME`).
PASSED = frozenset(
    {
        "DYLD_FALLBACK_LIBRARY_PATH",
        "DYLD_FRAMEWORK_PATH",
        "DYLD_LIBRARY_PATH",
        "HOME",
        "KERAS_HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "PYTHONHOME",
        "PYTHONNOUSERSITE",
        "PYTHONPYCACHEPREFIX",
        "PYTHONUTF8",
        "PYTHONWARNINGS",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_ENABLE_ONEDNN_OPTS",
        "TZ",
        "VIRTUAL_ENV",
    }
)
# A GPU driver reserves more addresses than any limit allows, and reading a file needs no GPU.
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}


@dataclass(frozen=True)
class Limits:
    """What a child process may use."""

    # Addresses, in GiB: at least as much as the memory in use. macOS does not enforce it.
    memory_gib: float
    seconds: float  # of one call, by the clock
    file_mib: float = 0  # size of each file that it writes; their number is not limited
    # Recipe keys that raise the limits, for the messages; empty: there are none.
    memory_key: str = ""
    seconds_key: str = ""


def environment(folder: str) -> dict[str, str]:
    """Return the environment of a child that writes its temporary files into a folder."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED}
    paths = os.pathsep.join(sys.path)
    return {**passed, **WITHOUT_GPU, "PYTHONPATH": paths, "TMPDIR": folder}


def apply(limits: Limits) -> None:
    """Limit this process, for good; the time that it may compute starts anew with each call.

    A file that becomes too large ends it by SIGXFSZ, also in libraries that ignore errors.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sys.dont_write_bytecode = True
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, int(limits.file_mib * MIB))
    if sys.platform != "darwin":  # refuses every value
        _lower(resource.RLIMIT_AS, int(limits.memory_gib * GIB))
    _limit_cpu(limits.seconds)


def _lower(kind: int, value: int) -> None:
    """Lower the soft and the hard limit, which nobody but root can raise again."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _limit_cpu(seconds: float) -> None:
    """Limit the time that all threads compute, for a child whose parent cannot end it.

    Where a parent watches the clock, the clock ends it first.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    processors = os.cpu_count() or 1
    soft = math.ceil(used + seconds * processors) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
