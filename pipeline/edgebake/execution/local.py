"""Plan and build the whole release on this machine, with DVC as the record.

Runs every stage whose inputs changed, and again for each scheme that a search of `quantize: auto`
tries. Writes what the stages write, and dvc.lock.
"""

import importlib.util
import os
import pwd
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from edgebake import artifacts
from edgebake.bundle import bundle_files
from edgebake.bundle.trust import git
from edgebake.errors import HostError
from edgebake.execution import durations, dvc_state, plan_stage, warm_server
from edgebake.execution.cluster.address import ClusterOptions
from edgebake.execution.events import Observer
from edgebake.execution.local_pool import LocalPool, StageEnvironment
from edgebake.execution.policy import Limits
from edgebake.execution.task import Pool
from edgebake.machine import capacity
from edgebake.plan import planner, scheme_search
from edgebake.plan.changes import Change
from edgebake.plan.compose import compose_release
from edgebake.recipe import key_variables
from edgebake.recipe.stage_params import read_plan


@dataclass(frozen=True)
class BuildOptions:
    """How to build."""

    fail_fast: bool = False
    jobs: int | None = None  # None: as many as the machine has cores
    cluster: ClusterOptions | None = None  # None: on this machine alone

    def limits(self) -> Limits:
        """Return how much may run at a time on this machine."""
        return Limits(self.jobs or capacity.cores(), capacity.available_memory_gb())


@dataclass(frozen=True)
class _Session:
    """What stays the same in a build, however often it plans."""

    start: float  # of the clock time.monotonic
    observers: tuple[Observer, ...]
    environment: dict[str, str]  # of the stages, with the keys that were given to the build


def build(console: Console, options: BuildOptions, observers: Iterable[Observer] = ()) -> int:
    """Plan, and run what changed; again for each next scheme of a search.

    Returns:
        0, or 1 if a stage failed.

    Raises:
        GateError: every candidate of a scheme search missed a gate.
        HostError: git, DVC or the DVC project is missing.
    """
    start = time.monotonic()
    _check_tools()
    os.environ.update(_user_name())
    _print(console, dvc_state.set_aside_rwlock())
    changes = planner.update()
    environment = _environment()
    # Neither DVC nor the server that stages are forked from needs a key; stages get theirs.
    key_variables.withhold(read_plan(), "")
    if _needs_warm_server(changes):
        warm_server.warm_up()
    session = _Session(start, (durations.observe, *observers), environment)
    code = 1
    try:
        code = _build_plan(console, options, session)
    finally:
        if code:
            _print(console, bundle_files.remove_incomplete(read_plan()["package"]))
    return code


def _build_plan(console: Console, options: BuildOptions, session: _Session) -> int:
    while True:
        code = _run_stages(console, options, session)
        candidates = read_plan().get(scheme_search.PLAN_KEY)
        if code == 0 or candidates is None:
            return code
        planner.update()
        next_candidates = scheme_search.from_plan(read_plan())
        if scheme_search.to_plain(next_candidates) == candidates:
            return code
        _print_changes(console, candidates, next_candidates)


def _print_changes(
    console: Console, before: dict[str, object], after: scheme_search.Candidates
) -> None:
    """Print the candidates of each target whose scheme search moved on."""
    plain = scheme_search.to_plain(after)
    for target, candidates in after.items():
        if before.get(target) != plain[target]:
            lines = [f"{target}: next candidate", *scheme_search.lines(candidates)]
            console.print("\n".join(lines), markup=False)


def _run_stages(console: Console, options: BuildOptions, session: _Session) -> int:
    """Run every stage whose inputs changed; return 1 if one failed."""
    from edgebake.execution.dvc_repo import DvcError

    try:
        return _walk(console, options, session)
    except DvcError as error:
        damaged = [*dvc_state.set_aside_lock(), *dvc_state.set_aside_databases(str(error))]
        if not damaged:
            raise
        _print(console, damaged)
        return _run_stages(console, options, session)


def _walk(console: Console, options: BuildOptions, session: _Session) -> int:
    from edgebake.execution import dvc_repo
    from edgebake.execution.needs import task_of
    from edgebake.execution.scheduler import Scheduler
    from edgebake.stages import revision

    own_tasks = {"plan": plan_stage.run, "revision": lambda: f"revision: {revision.write()}\n"}
    plan = read_plan()
    memory = compose_release().memory_gb
    # Tasks end before the outputs that they write are released.
    with dvc_repo.opened() as project, _opened_pool(console, options, session) as pool:
        scheduler = Scheduler(
            project=project,
            tasks={name: task_of(node, plan, memory) for name, node in project.nodes.items()},
            pool=pool,
            own_tasks=own_tasks,
            observers=session.observers,
            durations=durations.read(),
            fail_fast=options.fail_fast,
            start=session.start,
        )
        if not scheduler.run():
            return 1
        _print(console, _audit(pool, options.cluster))
        return 0


@contextmanager
def _opened_pool(console: Console, options: BuildOptions, session: _Session) -> Iterator[Pool]:
    limits = options.limits()
    plan = read_plan()
    pool = LocalPool(limits, StageEnvironment(session.environment, plan))
    try:
        if options.cluster is None:
            yield pool
            return
        from edgebake.execution.cluster import connection

        here = connection.Machine(pool, limits.jobs, lambda line: _print(console, [line]))
        with connection.opened(options.cluster, here, plan) as workers:
            yield workers
    finally:
        pool.close()


def _audit(pool: Pool, cluster: ClusterOptions | None) -> list[str]:
    """Run tasks again on other workers, as many as the options say; return a line for each."""
    if cluster is None or not cluster.audited:
        return []
    from edgebake.execution.cluster import audit
    from edgebake.execution.cluster.pool import ClusterPool

    if not isinstance(pool, ClusterPool):
        raise TypeError(f"{type(pool).__name__}; expected the pool of the cluster")
    return audit.run(pool, cluster.audited)


def _needs_warm_server(changes: Iterable[Change]) -> bool:
    """Return whether the stages that surely run need the libraries of the warm server."""
    stages = {change.key.partition(".")[0] for change in changes}
    for folder in planner.missing_outputs(read_plan()):
        stages.add(folder.relative_to(artifacts.ROOT).parts[0])
    return not stages <= warm_server.LIGHT_STAGES


def _check_tools() -> None:
    git.head()
    if not importlib.util.find_spec("dvc"):
        raise HostError("dvc: not installed; expected it in this environment: run `make setup`")
    if not Path(".dvc").is_dir():
        command = "dvc init"
        if git.prefix() != Path():
            command += " --subdir"
        raise HostError(f"dvc: no .dvc/ here; expected a DVC project: run `{command}`")


def _environment() -> dict[str, str]:
    """Return this process' environment with this `python` first on the path."""
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{path}"}


def _user_name() -> dict[str, str]:
    """Return a variable with a name for a user whom the system has none for: DVC wants one.

    A container that runs under an arbitrary user id has none.
    """
    user_id = os.getuid()
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return {"LOGNAME": f"user-{user_id}"}
    return {}


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False)
