"""Messages between the build and a worker, which travel through Dask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebake.execution import progress_pipe
from edgebake.execution.cluster.agreement import Environment
from edgebake.execution.dvc_objects import RemoteLocation, StoredPath
from edgebake.execution.task import Outcome, Task
from edgebake.terminal.progress import Progress


@dataclass(frozen=True)
class Order:
    """One task for a worker: commit, stage, variant, and the content of its inputs."""

    build: str  # the topic of Dask's events under which the worker tells of its progress
    task: Task
    commit: str
    prefix: str  # folder of the project in the repository
    sources: StoredPath  # the commit's files, as `commit_pack` packs them
    remote: RemoteLocation
    inputs: tuple[StoredPath, ...]
    log: str  # path of the task's log in the project; empty if it writes none


@dataclass(frozen=True)
class Answer:
    """What became of a task on a worker."""

    outcome: Outcome
    outputs: tuple[StoredPath, ...] = ()  # none if the task failed
    log: str = ""  # content of its log


@dataclass(frozen=True)
class Description:
    """What a worker says of itself."""

    name: str
    slots: int
    memory_gb: float
    resources: Mapping[str, float]
    environment: Environment


@dataclass(frozen=True)
class Report:
    """How far a task is, told while it runs."""

    task: str
    progress: Progress | None = None
    log: str = ""  # the last lines so far

    def to_message(self) -> dict[str, Any]:
        """Return the report as Dask's events carry it: numbers and texts alone."""
        progress = None
        if self.progress is not None:
            progress = progress_pipe.encode(self.progress)
        return {"task": self.task, "progress": progress, "log": self.log}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "Report":
        """Return the report of a message."""
        progress = None
        if message["progress"] is not None:
            progress = progress_pipe.parse(message["progress"])
        return cls(str(message["task"]), progress, str(message["log"]))
