"""Connect a build to a Dask scheduler, or start one with workers on this machine to try it."""

import logging
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import HostError
from edgebake.execution import child_group
from edgebake.execution.cluster import address, agreement, shipment
from edgebake.execution.cluster.address import ClusterOptions
from edgebake.execution.cluster.membership import Membership
from edgebake.execution.cluster.placement import Placement
from edgebake.execution.cluster.pool import ClusterPool
from edgebake.execution.dvc_objects import ObjectStore
from edgebake.execution.task import Pool

PATIENCE = 30  # seconds to wait for the scheduler


@dataclass(frozen=True)
class Machine:
    """The side of the build."""

    local_pool: Pool
    jobs: int  # workers, where the build starts them
    show: Callable[[str], None]  # prints one line


@contextmanager
def opened(
    options: ClusterOptions, machine: Machine, plan: Mapping[str, Any]
) -> Iterator[ClusterPool]:
    """Connect to a scheduler for a build of the current folder's project.

    Raises:
        HostError: Dask is not installed, the address is not safe or not there, or files differ
            from the commit.
    """
    address.quiet_dask()
    from distributed import Client

    with ExitStack() as resources:
        is_local = options.address == address.LOCAL
        store = ObjectStore(Path())
        resources.callback(store.close)
        if is_local:
            remote = store.use_cache_as_remote()
        else:
            scheduler = address.check(
                options.address, is_insecure_allowed=options.is_insecure_allowed
            )
            remote = store.use_remote()
        sent = shipment.prepare(store, remote, plan)
        if is_local:
            scheduler = resources.enter_context(_local_cluster(machine.jobs))
        security = address.security(scheduler)
        try:
            client = Client(scheduler, security=security, timeout=PATIENCE, set_as_default=False)
        except OSError as error:
            raise HostError(f"{scheduler}: {error}; expected a Dask scheduler there") from error
        placement = Placement()
        environment = agreement.environment(agreement.tools_of(plan))
        membership = Membership(client, environment, placement, machine.show)
        pool = ClusterPool(client, membership, placement, sent, machine.local_pool, machine.show)
        resources.callback(pool.close)
        yield pool


@contextmanager
def _local_cluster(count: int) -> Iterator[str]:
    """Start a scheduler and workers with one slot each; yield the scheduler's address."""
    from distributed import LocalCluster

    with ExitStack() as resources:
        cluster = LocalCluster(
            n_workers=0,
            host=address.LOOPBACK,
            protocol=f"{address.PLAIN}://",
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
        resources.enter_context(cluster)
        scheduler = str(cluster.scheduler_address)
        for number in range(1, count + 1):
            command = child_group.python_module(
                "edgebake", "worker", scheduler, "--jobs", "1", "--name", f"worker-{number}"
            )
            resources.enter_context(
                child_group.running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
        yield scheduler
