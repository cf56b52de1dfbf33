"""Run tasks on this machine, each in a fresh process that is forked from a warm server.

A process runs one task, so nothing of one stage reaches the next. Until the server is warm, tasks
that need none of its libraries run in new processes instead of waiting for it.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edgebake.errors import HostError
from edgebake.execution import child_group, cold_process, progress_pipe, stage_process, warm_server
from edgebake.execution.policy import Limits
from edgebake.execution.stage_process import Command
from edgebake.execution.task import THIS_MACHINE, Outcome, Task
from edgebake.recipe import key_variables
from edgebake.terminal.progress import Sink


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
        self._folder = folder or Path.cwd()
        self._processes: set[int] = set()  # ids, each that of its group too
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

    def processes(self) -> set[int]:
        """Return the ids of the processes that run."""
        with self._lock:
            return set(self._processes)

    def close(self) -> None:
        """End every task with all processes that it started."""
        with self._lock:
            self._is_closed = True
        child_group.end_all(self.processes())

    def _run(self, task: Task, show: Sink, future: Future[Outcome]) -> None:
        try:
            outcome = self._outcome(task, show)
        except Exception as error:  # the build must not wait for ever
            problem = f"{type(error).__name__}: {error}; its output is in {warm_server.LOG}"
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
            process = self._start(task, output, show)
            if not self._keep(process.id):
                return None
            code = process.exit_code()
            with self._lock:
                self._processes.discard(process.id)
            child_group.end_all([process.id])  # what the task has left running
            text = output.read_bytes().decode(errors="backslashreplace")
        return Outcome(code, time.monotonic() - start, text, THIS_MACHINE)

    def _start(self, task: Task, output: Path, show: Sink) -> "_Process":
        command = Command(
            arguments=task.command,
            shell=task.shell,
            folder=self._folder,
            environment=self._environment.of_task(task),
        )
        reading, writing = Pipe(duplex=False)
        with writing:  # the task has its own copy of the pipe's end
            if task.is_light and task.command and not warm_server.is_warm():
                process = _start_cold(command, output, writing)
            else:
                process = _start_warm(command, output, writing)
        progress_pipe.listen(reading, show)
        return process

    def _keep(self, process: int) -> bool:
        """Remember a process to end it with the pool; end it now if the pool is closed."""
        with self._lock:
            if not self._is_closed:
                self._processes.add(process)
                return True
        child_group.end_all([process])
        return False


@dataclass(frozen=True)
class _Process:
    """A process that runs a task, and leads a process group."""

    id: int
    exit_code: Callable[[], int]  # waits for its end


def _start_cold(command: Command, output: Path, reports: Connection) -> _Process:
    process = cold_process.start(command, output, reports)
    return _Process(process.pid, process.wait)


def _start_warm(command: Command, output: Path, reports: Connection) -> _Process:
    process = warm_server.start(stage_process.run, (command, output, reports))
    return _Process(process.pid or 0, lambda: warm_server.exit_code(process))
