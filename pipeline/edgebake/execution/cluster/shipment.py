"""Send files between the build and its workers, by way of DVC's remote.

Reads the inputs of a task from the project; writes its outputs and its log there. An output is
taken only if its content has the hash that the worker said.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.bundle.trust import git
from edgebake.errors import HostError
from edgebake.execution.cluster import commit_pack
from edgebake.execution.cluster.orders import Answer, Order
from edgebake.execution.dvc_objects import ObjectStore, RemoteLocation, StoredPath
from edgebake.execution.dvc_state import DVC_FOLDER
from edgebake.execution.task import Task
from edgebake.recipe.stage_params import PARAMS

# What a build itself writes beside files that git ignores.
WRITTEN = (PARAMS, "dvc.lock", ".dvc/.gitignore")


@dataclass(frozen=True)
class Shipment:
    """The commit of a build, and the store through which its files travel."""

    store: ObjectStore
    remote: RemoteLocation
    plan: Mapping[str, Any]  # the content of params.yaml
    commit: str
    prefix: str
    sources: StoredPath  # the commit's pack

    def pack(self, build: str, task: Task) -> Order:
        """Send the inputs of a task to the remote, and return the order for a worker.

        Raises:
            HostError: an input is missing or outside the project, or the remote does not take it.
        """
        inputs = tuple(self.store.add(path) for path in _read_by(task))
        self.store.push(inputs)
        return Order(
            build=build,
            task=task,
            commit=self.commit,
            prefix=self.prefix,
            sources=self.sources,
            remote=self.remote,
            inputs=inputs,
            log=self._log(task),
        )

    def unpack(self, order: Order, answer: Answer) -> None:
        """Write the outputs and the log of a task into the project.

        Raises:
            HostError: the remote has other outputs than the worker said.
        """
        if order.log and answer.log:
            artifacts.write(Path(order.log), answer.log.encode(errors="replace"))
        if answer.outcome.code:
            return
        expected = [path.as_posix() for path in order.task.outputs]
        if [stored.path for stored in answer.outputs] != expected:
            raise HostError(
                f"{order.task.name}: {answer.outcome.worker} answered with other outputs; "
                "expected those of dvc.yaml"
            )
        self.store.fetch(answer.outputs)
        self.store.checkout(answer.outputs)
        for stored in answer.outputs:
            if self.store.add(Path(stored.path)) != stored:
                raise HostError(
                    f"{stored.path}: not with the hash {stored.digest} that "
                    f"{answer.outcome.worker} answered; expected the bytes that it made"
                )

    def _log(self, task: Task) -> str:
        """Return the path of a task's log, empty for a stage without variants."""
        if not task.variant:
            return ""
        params = self.plan[task.stage][task.variant]
        folder = artifacts.folder(task.stage, task.variant, params.get("platform"))
        return folder.with_name(f"{folder.name}.log").as_posix()


def _read_by(task: Task) -> list[Path]:
    """Return what a task reads: its inputs, the plan, and what the list of an input's files names.

    A stage that depends on a folder's list checks every file in it, whichever of them it uses.
    """
    paths = dict.fromkeys((Path(PARAMS), *task.inputs))
    for listing in [path for path in paths if path.name == artifacts.SUMS]:
        for line in listing.read_text().splitlines():
            _, _, name = line.partition("  ")
            file = listing.parent / name
            if paths.keys().isdisjoint(file.parents):
                paths[file] = None
    return list(paths)


def prepare(store: ObjectStore, remote: RemoteLocation, plan: Mapping[str, Any]) -> Shipment:
    """Send the files of the commit to the remote.

    Raises:
        HostError: files differ from the commit, which workers would not have.
    """
    commit = git.head()
    _refuse_changes()
    DVC_FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DVC_FOLDER) as folder:
        pack = Path(folder) / "commit"
        commit_pack.write(commit, pack)
        sources = store.add(pack)
    store.push([sources])
    return Shipment(store, remote, plan, commit, git.prefix().as_posix(), sources)


def _refuse_changes() -> None:
    """Refuse files that differ from the commit, beside those that the build writes.

    Raises:
        HostError: one does, with its name.
    """
    prefix = git.prefix()
    written = [(prefix / name).as_posix() for name in WRITTEN]
    options = ("--porcelain", "-z", "--untracked-files=all", "--no-renames")
    for line in git.run("status", *options).split("\0"):
        name = line[3:]
        if name and name not in written:
            raise HostError(
                f"{name}: not as in the commit; expected every file committed or ignored by git: "
                "workers get the commit"
            )
