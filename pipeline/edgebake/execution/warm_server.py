"""Fork processes from a server that has imported TensorFlow, Keras, coremltools and tf2onnx once.

The server imports `warm_modules` and belongs to this process. Where processes cannot be forked
safely (macOS, Windows), each is started anew.
"""

import multiprocessing
import sys
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

WARM_MODULES = "edgebake.execution.warm_modules"
LOG = "artifacts/warm_server.log"
FORKED_SYSTEMS = ("linux",)
# The stages that import none of the server's libraries, unless a plugin does.
LIGHT_STAGES = frozenset({"data", "parity", "package", "proof"})

_is_warm = threading.Event()
# `multiprocessing` reaps every child that has ended whenever it starts one, and may take the exit
# code that another thread waits for.
_children = threading.Lock()


def warm_up() -> None:
    """Start the server now, so that its imports run beside what comes before the first process."""
    if sys.platform in FORKED_SYSTEMS:
        context()
        forkserver.ensure_running()


def is_warm() -> bool:
    """Return whether the server has forked a process: the next one does not wait for imports."""
    return _is_warm.is_set()


def context() -> ForkServerContext | SpawnContext:
    """Return how processes are started on this system."""
    if sys.platform not in FORKED_SYSTEMS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([WARM_MODULES])
    return context


def start(target: Callable[..., None], arguments: tuple[Any, ...]) -> BaseProcess:
    """Start a process that calls a function, once the server has imported its libraries."""
    process = context().Process(target=target, args=arguments)
    with _children:
        process.start()
    _is_warm.set()
    return process


def exit_code(process: BaseProcess) -> int:
    """Wait for the end of a process and return its exit code; negative: that of a signal."""
    wait([process.sentinel])
    with _children:
        process.join()
    code = process.exitcode
    if code is None:
        raise ChildProcessError(f"process {process.pid}: no exit code; expected one at its end")
    return code
