"""A task of a build: one stage for one variant, and what became of it."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgebake.terminal.progress import Progress


@dataclass(frozen=True)
class Task:
    """One stage for one variant, as DVC's graph has it."""

    name: str  # DVC's address: `train@digits-ds_cnn`, or `parity`
    stage: str
    variant: str  # empty if the stage has none
    command: tuple[str, ...]  # arguments of `edgebake`; empty: run `shell`
    shell: str = ""  # the command line in dvc.yaml
    inputs: tuple[Path, ...] = ()  # files and folders, relative to the project
    outputs: tuple[Path, ...] = ()
    memory_gb: float = 0.0  # peak of the process and its children
    quiet: bool = False  # it times a file on this machine, so nothing may run beside it
    is_light: bool = False  # it imports no library of the warm server
    is_local: bool = False  # it reads what only the build's machine has: dvc.lock, the git history
    resources: dict[str, float] = field(default_factory=dict, compare=False)  # of a worker


THIS_MACHINE = "this machine"
BUILD_PROCESS = "build"  # for tasks without a process of their own


@dataclass(frozen=True)
class Outcome:
    """How a task's command ended."""

    code: int  # exit code; negative: the number of the signal that ended it
    seconds: float
    output: str  # what it printed
    worker: str  # that ran it: THIS_MACHINE, BUILD_PROCESS, or the name of one of a cluster


class Pool(Protocol):
    """Processes that run tasks, on this machine or on others."""

    def can_start(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether a task can start next to the tasks that are running."""

    def start(self, task: Task, show: Callable[[Progress], None]) -> Future[Outcome]:
        """Start a task; `show` is called from another thread."""

    def close(self) -> None:
        """End what is still running, and every process of the pool."""
