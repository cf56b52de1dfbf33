"""The range of every value that a model computes, found once and looked up by every runtime.

A runtime renames, fuses and transposes, so a name says nothing there. What stays is the value itself: each range
carries the marks that its value leaves on a few probes, and a tensor has the range of the value whose marks it bears.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import ConversionError

if TYPE_CHECKING:  # the planner reads the facts of every scheme and has no use for NumPy
    from numpy.typing import NDArray

# How far the marks of one value may differ between runtimes, relative to its root mean square. Float kernels differ by
# less than 1e-5 on the deepest architecture here.
TOLERANCE = 1e-3
OUTLIERS = 8  # times wider than what 99.8 % of its values, or half of its channels, need: as many fewer steps for them
# How the names of values end that TensorFlow's operators with weights compute.
MULTIPLYING = ("/convolution", "/depthwise", "/MatMul")
NUMBERS = (
    "low",
    "high",
    "smallest",
    "largest",
    "core_low",
    "core_high",
    "channel_low",
    "channel_high",
)
MARKS = ("least", "most", "mean", "power")


@dataclass(frozen=True)
class Range:
    """What is quantized of one value, zero included, and what was seen of it."""

    name: str  # of the operator of the TensorFlow graph that computes it
    low: float
    high: float
    smallest: float
    largest: float
    core_low: float  # 0.1 % of what was seen is smaller
    core_high: float  # 0.1 % of what was seen is larger
    channel_low: float  # the median of the smallest in each channel
    channel_high: float  # the median of the largest in each channel
    marks: tuple[float, ...]
    sources: tuple[str, ...] = ()  # the values that it is computed from

    @property
    def is_empty(self) -> bool:
        """Return whether nothing but zero is in it."""
        return self.low == self.high

    @property
    def has_outliers(self) -> bool:
        """Return whether a few values, or a few channels, make it much wider than all others need."""
        core = max(self.core_high, 0.0) - min(self.core_low, 0.0)
        channel = max(self.channel_high, 0.0) - min(self.channel_low, 0.0)
        return self.high - self.low > OUTLIERS * min(core, channel) and not self.is_empty


@dataclass(frozen=True)
class Ranges:
    """All ranges of a model, and the probes that show which is which."""

    found: list[Range]
    probes: NDArray[np.float32]  # examples as the model sees them, [n, h, w, c]
    _marks: list[NDArray[np.float64]] = field(default_factory=list, compare=False, repr=False)

    def of(self, seen: Sequence[NDArray[np.floating]], tensor: str) -> Range:
        """Return the range of the value that a tensor holds; `seen` are its contents, one array for each probe.

        Where values cannot be told apart, the range holds them all.

        Raises:
            ConversionError: no value of the model looks like it.
        """
        alike = self.alike(seen, tensor)
        low, high = min(one.low for one in alike), max(one.high for one in alike)
        return replace(alike[0], low=low, high=high)

    def alike(self, seen: Sequence[NDArray[np.floating]], tensor: str) -> list[Range]:
        """Return the ranges of all values that bear these marks, the nearest first.

        Raises:
            ConversionError: there is none.
        """
        mine = np.array(marks(seen))
        gaps = np.abs(self._table() - mine).max(axis=1) / max(mine[3], 1e-9)
        nearest = float(gaps.min())
        if not nearest <= TOLERANCE:
            raise ConversionError(
                f"tensor {tensor}: no value of the model is like it, the nearest differs by {nearest:.2g}; "
                f"expected {TOLERANCE:g} or less: its range is not known. A scheme whose activations stay in float "
                "needs none: float16 or dynamic"
            )
        order = np.argsort(gaps, kind="stable")
        return [self.found[i] for i in order if gaps[i] <= max(10 * nearest, 1e-6)]

    def _table(self) -> NDArray[np.float64]:

        if not self._marks:
            self._marks.append(np.array([one.marks for one in self.found]))
        return self._marks[0]

    def to_files(self) -> dict[str, bytes]:
        """Return ranges.csv and probes.npy."""
        text, array = io.StringIO(), io.BytesIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("name", *NUMBERS, *MARKS, "sources"))
        for one in self.found:
            numbers = (*(getattr(one, word) for word in NUMBERS), *one.marks)
            writer.writerow([one.name, *map(repr, numbers), " ".join(one.sources)])
        np.save(array, self.probes, allow_pickle=False)
        return {"ranges.csv": text.getvalue().encode(), "probes.npy": array.getvalue()}


def empty() -> Ranges:
    """Return the ranges of a model whose activations stay in float: none."""
    return Ranges([], np.zeros((0, 0, 0, 0), np.float32))


def from_files(files: dict[str, bytes]) -> Ranges | None:
    """Return what `to_files` wrote; none where there are no ranges."""
    rows = list(csv.reader(io.StringIO(files["ranges.csv"].decode())))[1:]
    if not rows:
        return None
    found = [_row(name, list(map(float, numbers)), sources) for name, *numbers, sources in rows]
    return Ranges(found, np.load(io.BytesIO(files["probes.npy"]), allow_pickle=False))


def _row(name: str, numbers: list[float], sources: str) -> Range:
    words = dict(zip(NUMBERS, numbers, strict=False))
    return Range(
        name, **words, marks=tuple(numbers[len(NUMBERS) :]), sources=tuple(sources.split())
    )


def marks(seen: Sequence[NDArray[np.floating]]) -> tuple[float, ...]:
    """Return smallest, largest, mean and root mean square: no order of axes changes them."""
    values = np.concatenate([np.asarray(one, np.float64).reshape(-1) for one in seen])
    return (
        float(values.min()),
        float(values.max()),
        float(values.mean()),
        float(np.sqrt(np.square(values).mean())),
    )
