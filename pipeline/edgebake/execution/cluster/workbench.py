"""Run a task on a worker: clone the commit, get the inputs, run the stage, send the outputs.

Everything lies in one folder of the worker, which is removed when the worker ends. A clone has the
files of the commit and the inputs of its task, and nothing else; it is used again for the next task
of the commit.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.execution.cluster import commit_pack
from edgebake.execution.cluster.orders import Answer, Order
from edgebake.execution.dvc_objects import ObjectStore, RemoteLocation, StoredPath
from edgebake.execution.local_pool import LocalPool, StageEnvironment
from edgebake.execution.policy import Limits
from edgebake.execution.task import Outcome
from edgebake.recipe.stage_params import PARAMS, parse_plan
from edgebake.terminal.progress import Progress

MAX_LOG = 200_000  # characters of a log that travel, the last ones


@dataclass(frozen=True)
class Clone:
    """The files of a commit, for one task at a time."""

    top: Path  # of the repository
    project: Path
    store: ObjectStore


class Workbench:
    """The clones of a worker, and the tasks that run in them."""

    def __init__(self, folder: Path, name: str) -> None:
        """Take an empty folder for everything that is written, and the worker's name."""
        self._folder = folder
        self._name = name
        self._unused: dict[tuple[str, RemoteLocation], list[Clone]] = {}
        self._count = 0
        self._pools: dict[tuple[str, str], LocalPool] = {}  # by build and name of the running task
        self._logs: dict[tuple[str, str], Path] = {}
        self._lock = threading.Lock()

    def run(self, order: Order, show: Callable[[Progress], None]) -> Answer:
        """Run a task and send its outputs to the remote.

        An error of the user's is an answer: the task fails with its message.
        """
        try:
            with self._clone(order) as clone:
                return self._run(order, clone, show)
        except EdgebakeError as error:
            return Answer(Outcome(1, 0.0, f"edgebake: {self._name}: {error}\n", self._name))

    def last_lines(self, order: Order, characters: int) -> str:
        """Return the end of the log of a running task, empty if it has none yet."""
        log = self._logs.get((order.build, order.task.name))
        if log is None:
            return ""
        return _tail(log, characters)

    def close(self, build: str | None = None) -> None:
        """End the processes of the tasks of a build, or of all."""
        with self._lock:
            pools = []
            for (build_of_pool, _), pool in self._pools.items():
                if build in (None, build_of_pool):
                    pools.append(pool)
        for pool in pools:
            pool.close()

    def _run(self, order: Order, clone: Clone, show: Callable[[Progress], None]) -> Answer:
        commit_pack.clean(clone.top)
        clone.store.fetch(order.inputs)
        clone.store.checkout(order.inputs)
        outcome, log = self._run_stage(order, clone.project, show)
        if outcome.code:
            return Answer(outcome, log=log)
        outputs = []
        for path in order.task.outputs:
            outputs.append(clone.store.add(path))
        clone.store.push(outputs)
        return Answer(outcome, tuple(outputs), log)

    def _run_stage(
        self, order: Order, project: Path, show: Callable[[Progress], None]
    ) -> tuple[Outcome, str]:
        """Run the command of a task, and return what became of it and the content of its log."""
        key = (order.build, order.task.name)
        # The pools of a process share its warm server.
        pool = LocalPool(Limits(1, math.inf), _environment(project), project)
        with self._lock:
            self._pools[key] = pool
        log = ""
        try:
            if order.log:
                self._logs[key] = project / order.log
            outcome = pool.start(order.task, show).result()
            if order.log:
                log = _tail(project / order.log, MAX_LOG)
        finally:
            with self._lock:
                del self._pools[key]
                self._logs.pop(key, None)
            pool.close()
        return replace(outcome, worker=self._name), log

    @contextmanager
    def _clone(self, order: Order) -> Iterator[Clone]:
        """Yield a clone that no other task uses."""
        key = (order.commit, order.remote)
        with self._lock:
            unused = self._unused.setdefault(key, [])
            clone = unused.pop() if unused else None
            if clone is None:
                self._count += 1
            number = self._count
        clone = clone or self._make_clone(order, number)
        try:
            yield clone
        finally:
            with self._lock:
                unused.append(clone)

    def _make_clone(self, order: Order, number: int) -> Clone:
        settings = self._settings(order.remote)
        pack = self._get_pack(order, settings)
        top = self._folder / f"clone-{number}"
        commit_pack.clone(pack, order.commit, top)
        project = top / order.prefix
        store = ObjectStore(project, settings)
        store.use_remote(order.remote.name)
        return Clone(top, project, store)

    def _get_pack(self, order: Order, settings: dict[str, Any]) -> Path:
        """Return the commit's pack, which is fetched once for all clones."""
        name = f"{order.commit}.pack"
        source = self._folder / "packs"
        pack = source / name
        with self._lock:
            if pack.is_file():
                return pack
            # A project without git in which DVC can be used before there is a clone.
            (source / ".dvc").mkdir(parents=True, exist_ok=True)
            no_git = {**settings, "core": {**settings["core"], "no_scm": True}}
            store = ObjectStore(source, no_git)
            store.use_remote(order.remote.name)
            store.fetch([order.sources])
            store.checkout([StoredPath(name, order.sources.digest)])
            store.close()
        return pack

    def _settings(self, remote: RemoteLocation) -> dict[str, Any]:
        """Return DVC's settings of a clone: one cache for all, nothing written elsewhere."""
        return {
            "core": {"site_cache_dir": str(self._folder / "state"), "analytics": False},
            "cache": {"dir": str(self._folder / "cache"), "type": ["reflink", "copy"]},
            "remote": {remote.name: dict(remote.settings)},
        }


def _environment(project: Path) -> StageEnvironment:
    """Return the worker's own variables; a key of the release reaches no task."""
    plan = parse_plan((project / PARAMS).read_bytes())
    return StageEnvironment(dict(os.environ), plan)


def _tail(file: Path, characters: int) -> str:
    """Return the end of a text file, empty if it is not there."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - characters, 0))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""
