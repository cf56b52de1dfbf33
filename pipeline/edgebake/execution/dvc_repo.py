"""DVC's own view of the project: graph, change detection, run cache, commit and lock file.

DVC's internals are named in modules `dvc_*` alone; tests/execution/test_dvc_repo.py says when DVC
moves one. `dvc repro` does the same steps, one stage at a time.
"""

import enum
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.rwlock import rwlock
from dvc.stage import PipelineStage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.serialize import to_lockfile

from edgebake.errors import EdgebakeError, HostError
from edgebake.execution import dvc_settings
from edgebake.execution.dvc_lock_file import LockFile

DVC_YAML = "dvc.yaml"
# The command in dvc.yaml of a stage of edgebake.
PREFIX = ["python", "-m", "edgebake"]
PATIENCE = 60.0  # seconds to wait for another DVC process


class DvcError(EdgebakeError):
    """DVC refused a step, for example because an output is missing."""


class State(enum.Enum):
    """What DVC says of a stage whose inputs are complete."""

    UNCHANGED = enum.auto()
    RESTORED = enum.auto()  # from the run cache
    TO_RUN = enum.auto()


@dataclass(frozen=True)
class Node:
    """A stage in DVC's graph."""

    name: str
    command: str  # as in dvc.yaml; empty for data that DVC tracks
    arguments: tuple[str, ...]  # of `edgebake`; empty if it is another command
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    upstream: tuple[str, ...]  # names of the stages that it waits for


@dataclass
class Project:
    """The project of the current folder, while one build uses it."""

    repo: Any
    nodes: dict[str, Node]  # in the order of `dvc repro`
    use_run_cache: bool
    _stages: dict[str, Any]
    _lock_file: LockFile
    _finished: set[str] = field(default_factory=set)
    _locks: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, name: str) -> State:
        """Compare a stage with DVC's record, and restore it if it ran with these inputs before.

        Outputs of a stage that has to run are removed, and reserved until `finish` or `abandon`.

        Raises:
            DvcError: DVC refuses.
        """
        stage = self._stages[name]
        upstream = [self._stages[upstream_name] for upstream_name in self.nodes[name].upstream]
        with self._exclusive():
            if not stage.changed(False, upstream):
                return State.UNCHANGED
            if stage.frozen or not stage.cmd:
                stage.reproduce(upstream=upstream)
                return State.RESTORED
            stage.remove_outs(ignore_remove=False, force=False)
            if self._restore(stage):
                self._save(stage)
                return State.RESTORED
            stage.save_deps()
            self._reserve(stage)
            return State.TO_RUN

    def finish(self, name: str) -> None:
        """Record a stage whose command succeeded: hashes, DVC's cache and its run cache.

        Raises:
            DvcError: an output is missing.
        """
        with self._exclusive():
            self._save(self._stages[name])
        self.abandon(name)

    def abandon(self, name: str) -> None:
        """Release the outputs that `start` reserved."""
        with self._exclusive():
            self._locks.pop(name, ExitStack()).close()

    def write_lock(self) -> None:
        """Write the entries of finished stages into dvc.lock, in the order of `dvc repro`."""
        entries: dict[str, Any] = {}
        for name in self.nodes:
            if name in self._finished:
                entries |= to_lockfile(self._stages[name])
        with self._exclusive():
            self._lock_file.update(entries)
        self._finished.clear()

    @property
    def is_dirty(self) -> bool:
        """Whether dvc.lock may lack a stage that is finished."""
        return bool(self._finished)

    def stage(self, name: str) -> Any:
        """Return DVC's own object of a stage, for `dvc_difference`."""
        return self._stages[name]

    def recorded(self, name: str) -> Any:
        """Return the entry of a stage in dvc.lock; an empty one if it has not run."""
        return self._lock_file.stages.get(name, {})

    def close(self) -> None:
        """Release what is still reserved, and write dvc.lock if it lacks a finished stage."""
        for name in list(self._locks):
            self.abandon(name)
        if self.is_dirty:
            self.write_lock()

    def _restore(self, stage: Any) -> bool:
        try:
            self.repo.stage_cache.restore(stage, run_cache=self.use_run_cache)
        except RunCacheNotFoundError:
            return False
        return True

    def _save(self, stage: Any) -> None:
        """Do what DVC does after a stage's command (`Stage.run`)."""
        uncached = [
            out for out in stage.outs if not (out.use_cache or out.is_metric or out.is_plot)
        ]
        stage.save(run_cache=not uncached)
        stage.commit()
        self._finished.add(stage.addressing)

    def _reserve(self, stage: Any) -> None:
        """Keep other DVC processes from the stage's inputs and outputs, as `dvc repro` does."""
        reservation = ExitStack()
        inputs = [str(dep.fs_path) for dep in stage.deps]
        outputs = [str(out.fs_path) for out in stage.outs]
        command = " ".join(sys.argv)  # DVC's own steps in this process write the same
        hardlink = self.repo.config["core"].get("hardlink_lock", False)
        reservation.enter_context(
            rwlock(self.repo.tmp_dir, self.repo.fs, command, inputs, outputs, hardlink)
        )
        self._locks[stage.addressing] = reservation

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold DVC's process lock for a step, not for the build: others can read meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.repo.lock.lock()
                break
            except LockError as error:
                if time.monotonic() > deadline:
                    raise HostError(f"dvc: {error}") from error
        try:
            yield
        except DvcException as error:
            raise DvcError(f"dvc: {_text(error)}") from error
        finally:
            self.repo.lock.unlock()


def repository(folder: Path, settings: Mapping[str, Any]) -> Any:
    """Return DVC's object of the project in a folder.

    Args:
        folder: with .dvc/.
        settings: of DVC's configuration; they win over those of the project and the user.

    Raises:
        DvcError: DVC cannot read the project.
    """
    dvc_settings.silence()
    try:
        return Repo(str(folder), config=dict(settings))
    except DvcException as error:
        raise DvcError(f"dvc: {_text(error)}") from error


@contextmanager
def opened(use_run_cache: bool = True) -> Iterator[Project]:
    """Open the project of the current folder; write dvc.lock on the way out, however that ends.

    Raises:
        DvcError: DVC cannot read the project.
    """
    with repository(Path(), {}) as repo, dvc_settings.params_parsed_once():
        try:
            project = _read(repo, use_run_cache)
        except (DvcException, RecursionError) as error:  # YAML may be nested too deeply to read
            raise DvcError(f"dvc: {_text(error)}") from error
        with repo.scm_context():
            try:
                yield project
            finally:
                project.close()


def _read(repo: Any, use_run_cache: bool) -> Project:
    with repo.lock:
        repo._reset()  # as every command of DVC does once it has the lock
        index = repo.index
        targets = [stage for stage in index.stages if stage.path_in_repo == DVC_YAML]
        graph = get_active_graph(index.graph)
        stages = plan_repro(graph, targets)
        nodes = {}
        for stage in stages:
            upstream = tuple(before.addressing for before in graph.successors(stage))
            nodes[stage.addressing] = _node(stage, upstream)
        lock_file = LockFile()
    by_name = {stage.addressing: stage for stage in stages}
    return Project(repo, nodes, use_run_cache, by_name, lock_file)


def _node(stage: Any, upstream: tuple[str, ...]) -> Node:
    command = stage.cmd or ""
    if not isinstance(command, str):  # a list of commands
        command = "\n".join(command)
    arguments_of_shell = shlex.split(command)
    arguments: tuple[str, ...] = ()
    if arguments_of_shell[: len(PREFIX)] == PREFIX and isinstance(stage, PipelineStage):
        arguments = tuple(arguments_of_shell[len(PREFIX) :])
    inputs = tuple(Path(str(dep)) for dep in stage.deps)
    outputs = tuple(Path(str(out)) for out in stage.outs)
    return Node(stage.addressing, command, arguments, inputs, outputs, upstream)


def _text(error: BaseException) -> str:
    """Return the messages of an error and its causes on one line."""
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        lines = str(cause).split()
        messages.append(" ".join(lines))
        cause = cause.__cause__
    return ": ".join(messages)
