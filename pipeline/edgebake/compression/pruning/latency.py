"""Latency target of pruning, measured with LiteRT on the build machine with one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning import cost_model, selection, shrink
from edgebake.machine import turns
from edgebake.models import keras_session
from edgebake.runtimes import litert
from edgebake.runtimes.litert import calibrated_model

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.dependency_graph import Floats
    from edgebake.compression.pruning.selection import RankedChannels
    from edgebake.runtimes.session import Session

ROUNDS = 21
ROUND_SECONDS = 0.01  # of each model in a round
THREADS = 1


@dataclass(frozen=True)
class LatencyTrial:
    """Cost and latency of a candidate, as shares of the original model's."""

    macs: float
    latency: float
    is_alone: bool  # no other stage of edgebake ran beside it


def by_latency(
    ranked: RankedChannels, original: keras.Model, target: float
) -> tuple[Floats, list[LatencyTrial]]:
    """Return the first counts [families] on the path that are fast enough, and all trials.

    The path is that of multiply-accumulates. A binary search relies on later models being no
    slower, as they compute less.

    Args:
        ranked: the model that is pruned.
        original: the model that latency is relative to.
        target: latency as a share of the original model's.

    Raises:
        ConversionError: the smallest model is not fast enough.
    """
    with turns.alone() as is_alone:
        return _first_fast_enough(_Search(ranked, original, is_alone), target)


def _first_fast_enough(search: _Search, target: float) -> tuple[Floats, list[LatencyTrial]]:
    slow = 0
    fast = len(search.steps) - 1
    smallest = search.measure(fast)
    if smallest > target:
        left = f"{smallest:.2f} of the original model's"
        raise selection.unreachable(search.ranked, "latency", left, f"{target:g}")
    while fast - slow > 1:
        middle = (slow + fast) // 2
        if search.measure(middle) <= target:
            fast = middle
        else:
            slow = middle
    return search.steps[fast], search.trials


class _Search:
    """Steps of the path of multiply-accumulates, and the latencies measured so far."""

    def __init__(self, ranked: RankedChannels, original: keras.Model, is_alone: bool) -> None:
        self.ranked = ranked
        self._is_alone = is_alone
        model = ranked.model
        self._costs = cost_model.build(model, ranked.dependencies, "macs")
        path = selection.path(ranked, self._costs)
        self.steps = list(path)
        self._original_session = _load_session(original)
        self.trials: list[LatencyTrial] = []

    def measure(self, step: int) -> float:
        """Build the model of a step and return its latency as a share of the original's."""
        counts = self.steps[step]
        ranked = self.ranked
        removed = ranked.removed_groups(counts)
        model = shrink.remove_channels(ranked.model, ranked.dependencies, removed)
        session = _load_session(model)
        latency = latency_ratio(session, self._original_session)
        costs = self._costs
        unpruned_macs = costs.cost(self.steps[0])
        macs = costs.cost(counts) / unpruned_macs
        trial = LatencyTrial(float(macs), latency, self._is_alone)
        self.trials.append(trial)
        return latency


def latency_ratio(candidate: Session, reference: Session) -> float:
    """Return the latency of a candidate relative to a reference: the median over rounds.

    Each round times both, in alternating order.
    """
    seconds = median_seconds(reference.invoke, 5)
    calls = round(ROUND_SECONDS / seconds)
    calls = max(1, calls)
    ratios = []
    for number in range(ROUNDS):
        if number % 2:
            candidate_seconds = median_seconds(candidate.invoke, calls)
            reference_seconds = median_seconds(reference.invoke, calls)
        else:
            reference_seconds = median_seconds(reference.invoke, calls)
            candidate_seconds = median_seconds(candidate.invoke, calls)
        ratios.append(candidate_seconds / reference_seconds)
    return statistics.median(ratios)


def median_seconds(call: Callable[[], object], count: int) -> float:
    """Return the median duration of `count` calls, in seconds."""
    durations = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        durations.append(end - start)
    return statistics.median(durations)


def _load_session(model: keras.Model) -> Session:
    from edgebake.runtimes.litert import run

    names = [tensor.name for tensor in model.inputs]
    ends = keras_session.ends_of(model, names)
    files = {litert.FILE: calibrated_model.to_float_tflite(model, ends)}
    session = run.load(files, THREADS)
    feeds = {}
    for tensor in model.inputs:
        _, *shape = tensor.shape
        # 0 is a row of every table; memory that nothing was written to may hold any number.
        feeds[tensor.name] = np.zeros((1, *shape), tensor.dtype)
    session.feed(feeds)
    return session
