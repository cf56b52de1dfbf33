"""Run some tasks of a build again, each on another worker, and compare every byte.

A worker that computes other bytes, by a fault or on purpose, is found with the probability that
its tasks are among those. Which tasks it is follows from the commit and their names: the workers of
a build cannot choose, and the next build of the commit audits the same.
"""

import hashlib

from edgebake.errors import HostError
from edgebake.execution.cluster.orders import Answer, Order
from edgebake.execution.cluster.placement import WorkerFacts
from edgebake.execution.cluster.pool import ClusterPool


def run(pool: ClusterPool, count: int) -> list[str]:
    """Audit tasks that ran in this build.

    Stages that measure time are left out: no two measurements are the same.

    Args:
        pool: after the build's last task.
        count: number of tasks.

    Returns:
        A line for each.

    Raises:
        HostError: bytes differ, or there is no second worker.
    """
    lines: list[str] = []
    unaudited: list[str] = []
    for order, answer in _in_order(pool):
        if len(lines) == count:
            break
        second_worker = _second_worker(pool, order, answer)
        if second_worker is None:
            unaudited.append(order.task.name)
            continue
        lines.append(_compare(pool, order, answer, second_worker))
    if unaudited and len(lines) < count:
        raise HostError(
            f"audit: {len(lines)} of {count} stages; {', '.join(unaudited)}: no second worker can "
            "run it; expected two workers with what each stage needs"
        )
    return lines


def _in_order(pool: ClusterPool) -> list[tuple[Order, Answer]]:
    untimed = [entry for entry in pool.finished if not entry[0].task.quiet]
    return sorted(untimed, key=lambda entry: _rank(entry[0]))


def _rank(order: Order) -> str:
    return hashlib.sha256(f"{order.commit} {order.task.name}".encode()).hexdigest()


def _second_worker(pool: ClusterPool, order: Order, answer: Answer) -> WorkerFacts | None:
    """Take a worker with another name than the one that answered; None if none can serve."""
    for facts in pool.placement.workers:
        if facts.name == answer.outcome.worker or not facts.can_serve(order.task):
            continue
        avoided = {worker.address for worker in pool.placement.workers if worker != facts}
        return pool.placement.take(order.task, avoided)
    return None


def _compare(pool: ClusterPool, order: Order, first: Answer, second_worker: WorkerFacts) -> str:
    name = order.task.name
    second = pool.run_on(order, second_worker)
    if second is None:
        raise HostError(
            f"audit: {name}: {second_worker.name} ended while it ran it; run the build again"
        )
    if second.outcome.code:
        raise HostError(
            f"audit: {name}: done by {first.outcome.worker}, failed on {second_worker.name}; "
            f"expected the same of both:\n{second.outcome.output}"
        )
    difference = _difference(pool, first, second)
    if difference is not None:
        raise HostError(
            f"audit: {name}: {difference}; expected the same bytes of both: what this build made "
            "from it is not to be trusted"
        )
    return f"audit: {name}: {first.outcome.worker} and {second_worker.name} made the same bytes"


def _difference(pool: ClusterPool, first: Answer, second: Answer) -> str | None:
    """Return the first file that differs, with the hash of each worker; None if none does."""
    if first.outputs == second.outputs:
        return None
    store = pool.shipment.store
    store.fetch(second.outputs)
    hashes: list[dict[str, str]] = []
    for answer in (first, second):
        files: dict[str, str] = {}
        for stored in answer.outputs:
            files |= store.files(stored)
        hashes.append(files)
    by_first, by_second = hashes
    for path in sorted(by_first.keys() | by_second.keys()):
        left = by_first.get(path, "not there")
        right = by_second.get(path, "not there")
        if left != right:
            return (
                f"{path} differs: md5 {left} by {first.outcome.worker}, "
                f"{right} by {second.outcome.worker}"
            )
    return None
