"""Entries in, what they say of the aim out, a line each."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.verdict import SIGMAS, SPEED
from benchmarks.pruned.files import Entry, File
from benchmarks.pruned.tables import FILES, named

LATENCY, LOSS = (
    0.65,
    1.0,
)  # the aim: at most this share of the parent's latency, below so many points of accuracy


def aim(entry: Entry, full: Entry) -> str:
    """Compare the latency of each file and the accuracy of the model with the aim."""
    found = [f"{named(file)} {_met(entry.times(full, file), LATENCY)}" for file in FILES]
    loss = 100 * float(full.right.mean() - entry.right.mean())
    macs = entry.cost("macs") / full.cost("macs")
    return (
        f"{entry.name}, {macs:.2f} of the multiply-accumulates: latency {', '.join(found)}; "
        f"loss {loss:.2f} points {'met' if loss < LOSS else 'MISSED'}"
    )


def beside(entry: Entry, other: Entry) -> str:
    """Compare the accuracy of two entries, and say whether the difference is significant."""
    mine, its = entry.right, np.broadcast_to(other.right, entry.right.shape)
    seeds, images = mine.shape
    won, lost = int((mine & ~its).sum()) / seeds, int((~mine & its).sum()) / seeds
    word = "equals" if won == lost else "beats" if won > lost else "LOSES to"
    chance = "beyond" if is_beyond_chance(mine, its) else "within"
    more = (
        f"{abs(won - lost):.1f} of {images} images ({won:.1f}:{lost:.1f} where one alone is right)"
    )
    return f"{entry.name} {word} {other.name} by {more}, {chance} {SIGMAS} sigma"


def is_beyond_chance(mine: NDArray[np.bool_], its: NDArray[np.bool_]) -> bool:
    """Return whether correct predictions [seeds, images] differ significantly.

    McNemar's test, with the seeds of one image summed.
    """
    differences = mine.sum(axis=0) - its.sum(axis=0)
    return bool(abs(differences.sum()) > SIGMAS * math.sqrt((differences**2).sum()))


def noise(alike: list[tuple[Entry, Entry]], file: File) -> float:
    """Return the largest distance from 1 of the latency ratio of two files of one architecture."""
    ratios = [one.times(other, file) for one, other in alike]
    return max((abs(ratio - 1) for ratio in ratios if ratio is not None), default=0.0)


def speed(entry: Entry, full: Entry, alike: list[tuple[Entry, Entry]]) -> Iterator[str]:
    """Yield for each file whether it is faster than that of the unpruned model, beyond noise."""
    for file in FILES:
        ratio, margin = entry.times(full, file), max(SPEED - 1, noise(alike, file))
        if ratio is not None:
            word = (
                "FASTER" if ratio < 1 - margin else "SLOWER" if ratio > 1 + margin else "the same"
            )
            share = f"{ratio:.2f} of the latency, {word}"
            yield f"{entry.name}, {named(file)}: {share}; noise {margin:.2f}"


def _met(ratio: float | None, limit: float) -> str:
    if ratio is None:
        return "not timed"
    return f"{ratio:.2f} {'met' if ratio <= limit else 'MISSED'}"
