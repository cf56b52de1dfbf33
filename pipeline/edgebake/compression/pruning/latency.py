"""How long the float file of a smaller model takes, as a share of its parent's: in LiteRT, here and now, one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebake.compression.pruning import cost_model, selection, shrink
from edgebake.errors import ConversionError
from edgebake.models import float_reference
from edgebake.runtimes import litert

if TYPE_CHECKING:
    from edgebake.compression.pruning.selection import Numbers, RankedChannels
    from edgebake.runtimes.session import Session

ROUNDS = 21
ROUND_SECONDS = 0.01  # of one file in one round
THREADS = 1


@dataclass(frozen=True)
class LatencyTrial:
    """A model of so many multiply-accumulates, and its latency: both as shares of the parent's."""

    macs: float
    latency: float


def counts_within(
    ranked: RankedChannels, parent: Any, share: float
) -> tuple[Numbers, list[LatencyTrial]]:
    """Return the first counts on the path of multiply-accumulates that are fast enough, and all that was timed.

    Halves the path again and again: a later model on it computes less, and is taken to be no slower.

    Raises:
        ConversionError: the smallest model is not fast enough.
    """
    price = cost_model.build(ranked.model, ranked.found, "macs")
    steps = list(selection.path(ranked, price))
    reference_session, tried = _session(parent), []

    def is_fast(number: int) -> bool:
        model = shrink.remove_channels(ranked.model, ranked.found, ranked.dropped(steps[number]))
        ratio = ratio_of(_session(model), reference_session)
        tried.append(LatencyTrial(float(price.of(steps[number]) / price.of(steps[0])), ratio))
        return ratio <= share

    first, last = 0, len(steps) - 1
    if not is_fast(last):
        raise ConversionError(
            f"prune.target.latency: {tried[-1].latency:.2f} of the parent's where every layer is at its floor; "
            f"expected at most {share:g}: a lower prune.floor, or more to be left"
        )
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (first, middle) if is_fast(middle) else (middle, last)
    return steps[last], tried


def ratio_of(one: Session, other: Session) -> float:
    """Return how many times as long as `other` one takes: the median over rounds, each of which times both."""
    calls = max(1, round(ROUND_SECONDS / seconds_of(other.invoke, 5)))
    ratios = []
    for number in range(ROUNDS):
        pair = (one, other) if number % 2 else (other, one)
        seconds = {id(session): seconds_of(session.invoke, calls) for session in pair}
        ratios.append(seconds[id(one)] / seconds[id(other)])
    return statistics.median(ratios)


def seconds_of(call: Callable[[], Any], count: int) -> float:
    """Return the median seconds of a call."""
    found = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _session(model: Any) -> Session:
    from edgebake.runtimes.litert import run

    return run.load({litert.FILE: float_reference.convert(model)}, THREADS)
