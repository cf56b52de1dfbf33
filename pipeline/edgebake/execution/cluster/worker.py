"""`edgebake worker`: a process that joins a Dask scheduler and runs tasks of builds.

One worker per process. It lives in a thread, so that a signal ends it from the main thread.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import HostError
from edgebake.execution import resources
from edgebake.execution.cluster import address, agreement
from edgebake.execution.cluster.orders import Answer, Description, Order, Report
from edgebake.execution.cluster.workbench import Workbench
from edgebake.terminal.progress import Progress

PATIENCE = 60  # seconds to wait for the scheduler
END_PATIENCE = 15.0  # seconds in which a stopped worker takes its leave
INTERVAL = 0.5  # seconds
LOG_INTERVAL = 2.0  # seconds between two looks at the log of a task
REPORTED_LOG = 2000  # characters of it


@dataclass(frozen=True)
class WorkerOptions:
    """What a worker has and where it joins."""

    address: str  # of the scheduler
    name: str
    slots: int
    memory_gb: float
    resources: Mapping[str, float]
    folder: Path | None  # in which Dask's local directory is made; None: a temporary one


@dataclass(frozen=True)
class _Membership:
    """This process as a worker."""

    worker: Any  # of Dask
    bench: Workbench
    options: WorkerOptions
    show: Callable[[str], None]


_this_process: list[_Membership] = []


def run(options: WorkerOptions, show: Callable[[str], None]) -> None:
    """Join a scheduler, and run tasks until the scheduler ends or a signal comes.

    Args:
        options: what the worker has.
        show: prints one line.

    Raises:
        HostError: the scheduler cannot be reached, or has ended.
    """
    address.quiet_dask()
    security = address.security(options.address)
    with tempfile.TemporaryDirectory(prefix="edgebake-worker-", dir=options.folder) as folder:
        process = _Process(options, security, Path(folder), show)
        process.run()


class _Process:
    """The thread of the worker, and the main thread that waits for it."""

    def __init__(
        self, options: WorkerOptions, security: Any, folder: Path, show: Callable[[str], None]
    ) -> None:
        self._options = options
        self._security = security
        self._folder = folder
        self._show = show
        self._loop = asyncio.new_event_loop()
        self._worker: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        thread = threading.Thread(target=self._run_loop, name="worker", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(INTERVAL)
        except BaseException:
            if self._worker is not None:
                closing = self._worker.close(executor_wait=False, reason="stopped")
                asyncio.run_coroutine_threadsafe(closing, self._loop)
                thread.join(END_PATIENCE)
            raise
        if self._error is not None:
            raise HostError(f"{self._options.address}: {self._error}; expected a Dask scheduler")
        raise HostError(f"{self._options.address}: the scheduler ended, or cannot be reached")

    def _run_loop(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # whatever Dask raises where it cannot join
            self._error = error

    async def _serve(self) -> None:
        from distributed import Worker, WorkerPlugin

        options = self._options
        bench: list[Workbench] = []

        class EndTasks(WorkerPlugin):  # type: ignore[misc]
            """Ends the processes of tasks when the worker closes, which waits for its threads."""

            def teardown(self, worker: Any) -> None:  # noqa: ARG002 - the signature is Dask's
                bench[0].close()

        worker = Worker(
            options.address,
            nthreads=options.slots,
            name=options.name,
            resources={resources.SLOTS: options.slots, **options.resources},
            local_directory=str(self._folder),
            memory_limit=0,  # the memory of a task is not this process's
            host=address.listen_host(options.address),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            security=self._security,
            death_timeout=PATIENCE,
        )
        self._worker = worker
        bench_folder = Path(worker.local_directory) / "edgebake"
        bench_folder.mkdir(parents=True)
        bench.append(Workbench(bench_folder, options.name))
        _this_process[:] = [_Membership(worker, bench[0], options, self._show)]
        async with worker:
            await worker.plugin_add(EndTasks(), name="edgebake")
            has = resources.shown({resources.SLOTS: options.slots, **options.resources})
            os.chdir(bench_folder)  # the warm server writes its log into the current folder
            self._show(f"{options.name}: joined {options.address} with {has}")
            await worker.finished()


def describe(tools: list[str]) -> Description:
    """Return what the worker of this process has; the build calls it on each worker.

    Raises:
        HostError: this process is no `edgebake worker`.
    """
    options = _membership().options
    environment = agreement.environment(tools)
    return Description(
        options.name, options.slots, options.memory_gb, options.resources, environment
    )


def run_order(order: Order) -> Answer:
    """Run a task on the worker of this process; the build submits it to Dask.

    Raises:
        HostError: this process is no `edgebake worker`.
    """
    membership = _membership()

    def report(progress: Progress | None = None, log: str = "") -> None:
        message = Report(order.task.name, progress, log).to_message()
        membership.worker.log_event(order.build, message)

    is_over = threading.Event()

    def report_log() -> None:
        reported = ""
        while not is_over.wait(LOG_INTERVAL):
            log = membership.bench.last_lines(order, REPORTED_LOG)
            if log != reported:
                report(log=log)
            reported = log

    threading.Thread(target=report_log, daemon=True).start()
    try:
        answer = membership.bench.run(order, report)
    finally:
        is_over.set()
    result = f"{answer.outcome.seconds:.1f} s"
    if answer.outcome.code:
        result = f"failed with exit code {answer.outcome.code}"
    membership.show(f"{order.task.name} of commit {order.commit[:12]}: {result}")
    return answer


def end_tasks(build: str) -> None:
    """End the tasks of a build that was stopped."""
    _membership().bench.close(build)


def _membership() -> _Membership:
    if not _this_process:
        raise HostError("not started by `edgebake worker`; expected it: docs/guides/cluster.md")
    return _this_process[0]
