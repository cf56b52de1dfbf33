"""Run tasks on this machine, each in a fresh process that is forked from a warm server.

The server has imported TensorFlow, Keras, coremltools and tf2onnx once (`warm_modules`). A process
runs one task, so nothing of one stage reaches the next. Where processes cannot be forked safely
(macOS, Windows), each is started anew.
"""

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from edgebake.errors import HostError
from edgebake.execution import child_group, progress_pipe, stage_process
from edgebake.execution.policy import Limits
from edgebake.execution.task import THIS_MACHINE, Outcome, Task
from edgebake.recipe import key_variables
from edgebake.terminal.progress import Sink

WARM_MODULES = "edgebake.execution.warm_modules"
WARM_SERVER_LOG = "artifacts/warm_server.log"
FORKED_SYSTEMS = ("linux",)


@dataclass(frozen=True)
class StageEnvironment:
    """The variables of each stage: a key only where the stage needs it."""

    variables: Mapping[str, str]
    plan: Mapping[str, Any]  # the content of params.yaml

    def of_task(self, task: Task) -> dict[str, str]:
        """Return the variables of a task."""
        keys = key_variables.withheld(self.plan, task.stage)
        own = {name: value for name, value in self.variables.items() if name not in keys}
        return {**own, "DVC_STAGE": task.name}


def warm_up() -> None:
    """Start the server now, so that its imports run beside what comes before the first task."""
    if sys.platform in FORKED_SYSTEMS:
        _context()
        forkserver.ensure_running()


class LocalPool:
    """The processes of one build on this machine."""

    def __init__(
        self, limits: Limits, environment: StageEnvironment, folder: Path | None = None
    ) -> None:
        """Take what may run at a time, and the environment of every task.

        Args:
            limits: the number of jobs, and the memory that they may use together.
            environment: the variables of each task, all others are removed.
            folder: of the project; None: the current one.
        """
        self._limits = limits
        self._environment = environment
        self._context = _context()
        self._folder = folder or Path.cwd()
        self._processes: set[BaseProcess] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    def can_start(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether a task can start next to the tasks that are running."""
        return self._limits.allow(task, running)

    def start(self, task: Task, show: Sink) -> Future[Outcome]:
        """Start a task in a process of its own."""
        future: Future[Outcome] = Future()
        # The server accepts processes once its imports are done: wait for it in a thread.
        thread = threading.Thread(target=self._run, args=(task, show, future), daemon=True)
        thread.start()
        return future

    def close(self) -> None:
        """End every task with all processes that it started."""
        with self._lock:
            self._is_closed = True
            processes = list(self._processes)
        child_group.end_all([process.pid for process in processes if process.pid])

    def _run(self, task: Task, show: Sink, future: Future[Outcome]) -> None:
        try:
            outcome = self._outcome(task, show)
        except Exception as error:  # the build must not wait for ever
            problem = f"{type(error).__name__}: {error}; its output is in {WARM_SERVER_LOG}"
            future.set_exception(HostError(f"the server that stages are forked from: {problem}"))
            return
        if outcome is not None:
            future.set_result(outcome)

    def _outcome(self, task: Task, show: Sink) -> Outcome | None:
        """Run a task to its end; return None if the pool was closed before it started."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "output"
            output.touch()
            process = self._fork(task, output, show)
            if process is None:
                return None
            process.join()
            with self._lock:
                self._processes.discard(process)
            child_group.end_all([process.pid or 0])  # what the task has left running
            text = output.read_bytes().decode(errors="backslashreplace")
        code = process.exitcode or 0
        return Outcome(code, time.monotonic() - start, text, THIS_MACHINE)

    def _fork(self, task: Task, output: Path, show: Sink) -> BaseProcess | None:
        """Start the process of a task; None if the pool is closed."""
        command = stage_process.Command(
            arguments=task.command,
            shell=task.shell,
            folder=self._folder,
            environment=self._environment.of_task(task),
        )
        reading, writing = self._context.Pipe(duplex=False)
        process = self._context.Process(target=stage_process.run, args=(command, output, writing))
        with writing, self._lock:  # the task has its own copy of the pipe's end
            if self._is_closed:
                reading.close()
                return None
            process.start()
            self._processes.add(process)
        progress_pipe.listen(reading, show)
        return process


def _context() -> ForkServerContext | SpawnContext:
    """Return how processes are started on this system."""
    if sys.platform not in FORKED_SYSTEMS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([WARM_MODULES])
    return context
