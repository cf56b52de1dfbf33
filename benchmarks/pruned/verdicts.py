"""Verdicts, one line each: entries against the aim of pruning and against its baselines."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.verdict import SIGMAS, SPEED
from benchmarks.pruned.entries import Entry, FileKind
from benchmarks.pruned.tables import KINDS, kind_name

# The aim of pruning.
LATENCY_RATIO = 0.65  # of the original model's latency, at most
LOSS = 1.0  # percentage points of accuracy, below this


def aim(entry: Entry, original: Entry) -> str:
    """Compare the latency of each file and the accuracy of the model with the aim."""
    latencies = []
    for kind in KINDS:
        ratio = entry.latency_ratio(original, kind)
        latencies.append(f"{kind_name(kind)} {_latency_verdict(ratio)}")
    loss = 100 * float(original.correct.mean() - entry.correct.mean())
    macs = entry.cost("macs") / original.cost("macs")
    return (
        f"{entry.name}, {macs:.2f} of the multiply-accumulates: latency {', '.join(latencies)}; "
        f"loss {loss:.2f} points {_met(loss < LOSS)}"
    )


def compare_accuracy(entry: Entry, baseline: Entry) -> str:
    """Compare the accuracy of two entries, and say whether the difference is significant."""
    correct = entry.correct
    baseline_correct = np.broadcast_to(baseline.correct, correct.shape)
    seeds, images = correct.shape
    won = int((correct & ~baseline_correct).sum()) / seeds
    lost = int((~correct & baseline_correct).sum()) / seeds
    verb = "equals"
    if won > lost:
        verb = "beats"
    elif won < lost:
        verb = "LOSES to"
    chance = "within"
    if is_significant(correct, baseline_correct):
        chance = "beyond"
    counts = f"{won:.1f}:{lost:.1f} where one alone is right"
    difference = f"{abs(won - lost):.1f} of {images} images ({counts})"
    return f"{entry.name} {verb} {baseline.name} by {difference}, {chance} {SIGMAS} sigma"


def is_significant(correct: NDArray[np.bool_], baseline_correct: NDArray[np.bool_]) -> bool:
    """Return whether correct predictions [seeds, images] differ significantly.

    McNemar's test, with the seeds of one image summed.
    """
    differences = correct.sum(axis=0) - baseline_correct.sum(axis=0)
    return bool(abs(differences.sum()) > SIGMAS * math.sqrt((differences**2).sum()))


def noise(same_architecture: list[tuple[Entry, Entry]], kind: FileKind) -> float:
    """Return the largest distance from 1 of the latency ratio of two files of one architecture."""
    distances = [0.0]
    for entry, baseline in same_architecture:
        ratio = entry.latency_ratio(baseline, kind)
        if ratio is not None:
            distances.append(abs(ratio - 1))
    return max(distances)


def compare_speed(
    entry: Entry, original: Entry, same_architecture: list[tuple[Entry, Entry]]
) -> Iterator[str]:
    """Yield for each file whether it is faster than that of the unpruned model, beyond noise."""
    for kind in KINDS:
        ratio = entry.latency_ratio(original, kind)
        if ratio is None:
            continue
        margin = max(SPEED - 1, noise(same_architecture, kind))
        speed = _speed_verdict(ratio, margin)
        share = f"{ratio:.2f} of the latency, {speed}"
        yield f"{entry.name}, {kind_name(kind)}: {share}; noise {margin:.2f}"


def _speed_verdict(ratio: float, margin: float) -> str:
    if ratio < 1 - margin:
        return "FASTER"
    if ratio > 1 + margin:
        return "SLOWER"
    return "the same"


def _latency_verdict(ratio: float | None) -> str:
    if ratio is None:
        return "not timed"
    return f"{ratio:.2f} {_met(ratio <= LATENCY_RATIO)}"


def _met(is_met: bool) -> str:
    if is_met:
        return "met"
    return "MISSED"
