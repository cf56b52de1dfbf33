"""Ask each worker of a Dask scheduler once, and refuse those that differ from the build."""

import threading
import time
from collections.abc import Callable
from typing import Any

from edgebake.errors import HostError
from edgebake.execution.cluster import agreement, worker
from edgebake.execution.cluster.agreement import Environment
from edgebake.execution.cluster.orders import Description
from edgebake.execution.cluster.placement import Placement, WorkerFacts
from edgebake.terminal.printable import printable

INTERVAL = 0.5  # seconds
PATIENCE = 30.0  # seconds without a scheduler
MAX_LINE = 300  # characters that a worker says of itself


class Membership:
    """A thread that keeps the workers of a placement as Dask's scheduler has them."""

    def __init__(
        self,
        client: Any,
        environment: Environment,
        placement: Placement,
        show: Callable[[str], None],
    ) -> None:
        """Begin to watch.

        Args:
            client: of Dask.
            environment: what a worker has to share.
            placement: gets the workers that agree.
            show: prints one line.
        """
        self._client = client
        self._environment = environment
        self._placement = placement
        self._show = show
        self._agreed: dict[str, WorkerFacts] = {}
        self._asked: set[str] = set()
        self._error: HostError | None = None
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="membership", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise the error that ended the watch, if one did.

        Raises:
            HostError: the scheduler is gone.
        """
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the watch."""
        self._is_closed.set()
        self._thread.join()

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._is_closed.wait(INTERVAL):
            try:
                # Not `scheduler_info`: Dask replaces its answer at times by one without workers.
                identity = self._client.sync(self._client.scheduler.identity, n_workers=-1)
                addresses = set(identity["workers"])
                seen = time.monotonic()
            except Exception as error:  # whatever Dask raises without a scheduler
                if time.monotonic() - seen > PATIENCE:
                    self._error = HostError(
                        f"the scheduler cannot be reached: {error}; expected it during the build"
                    )
                    return
                continue
            self._update(addresses)

    def _update(self, addresses: set[str]) -> None:
        for address in sorted(addresses - self._asked):
            self._asked.add(address)
            # In a thread of its own: a worker that hangs answers never.
            threading.Thread(target=self._ask, args=(address,), daemon=True).start()
        self._asked &= addresses
        with self._lock:
            gone = [self._agreed.pop(address) for address in set(self._agreed) - addresses]
            self._placement.set_workers(self._agreed.values())
        for facts in gone:
            self._show(f"worker {facts.name}: gone")

    def _ask(self, address: str) -> None:
        tools = [name for name in self._environment.versions if name not in agreement.OWN]
        answers = self._client.run(
            worker.describe, tools, workers=[address], on_error="return_pickled"
        )
        description = answers.get(address)
        if not isinstance(description, Description):
            reason = printable(str(description), max_length=MAX_LINE)
            self._show(f"worker {address}: refused: no `edgebake worker` ({reason})")
            return
        name = printable(description.name, max_length=MAX_LINE)
        difference = agreement.first_difference(self._environment, description.environment)
        if difference is not None:
            reason = printable(difference, max_length=MAX_LINE)
            self._show(f"worker {name}: refused: {reason}")
            return
        facts = WorkerFacts(
            address=address,
            name=name,
            slots=description.slots,
            memory_gb=description.memory_gb,
            resources=description.resources,
            is_alike=description.environment.machine == self._environment.machine,
        )
        with self._lock:
            self._agreed[address] = facts
            self._placement.set_workers(self._agreed.values())
        self._show(f"worker {facts}: joined")
