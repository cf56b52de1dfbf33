"""Activation ranges of a model, calibrated once and looked up by every runtime.

A runtime renames, fuses and transposes operators, so the name of a tensor does not identify it. Its
values do: each range carries the fingerprint of its activation on a few probes, and a tensor
has the range of the activation with the same fingerprint.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.errors import ConversionError
from edgebake.tasks.tensors import IMAGE, Feeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How far the fingerprints of one activation may differ between runtimes, relative to its root mean
# square. Float kernels differ by less than 1e-5 on the deepest architecture here.
TOLERANCE = 1e-3
# An activation has outliers if its range is this many times wider than what 99.8 % of its values,
# or half of its channels, need: the others have as many fewer quantization steps.
OUTLIERS = 8
# Suffixes of the names of TensorFlow's operators with weights.
MULTIPLYING = ("/convolution", "/depthwise", "/MatMul")
PROBES_FILE = "probes.npy"
# Columns of ranges.csv, fields of ActivationRange.
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
# Columns of ranges.csv that hold the fingerprint, in its order.
FINGERPRINT = ("least", "most", "mean", "power")


@dataclass(frozen=True)
class ActivationRange:
    """Quantization range of one activation, zero included, and statistics from calibration."""

    name: str  # of the operator of the TensorFlow graph that computes it
    low: float
    high: float
    smallest: float  # value in calibration
    largest: float  # value in calibration
    core_low: float  # 0.1 % of the values are smaller
    core_high: float  # 0.1 % of the values are larger
    channel_low: float  # the median of the smallest in each channel
    channel_high: float  # the median of the largest in each channel
    fingerprint: tuple[float, ...]
    sources: tuple[str, ...] = ()  # names of the activations that it is computed from

    @property
    def is_empty(self) -> bool:
        """Return whether zero is the only value in the range."""
        return self.low == self.high

    @property
    def has_outliers(self) -> bool:
        """Return whether a few values, or a few channels, widen the range for all others."""
        if self.is_empty:
            return False
        core_width = _width_with_zero(self.core_low, self.core_high)
        channel_width = _width_with_zero(self.channel_low, self.channel_high)
        narrower_width = min(core_width, channel_width)
        limit = OUTLIERS * narrower_width
        width = self.high - self.low
        return width > limit


@dataclass(frozen=True)
class ActivationRanges:
    """All activation ranges of a model, and the probes that their fingerprints belong to."""

    entries: list[ActivationRange]
    probes: Feeds  # what a model is fed, float inputs preprocessed

    @classmethod
    def empty(cls) -> ActivationRanges:
        """Return the ranges of a model whose activations stay in float: none."""
        shape = (0, 0, 0, 0)
        no_images = np.zeros(shape, np.float32)
        return cls([], {IMAGE: no_images})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> ActivationRanges | None:
        """Read the files of `to_files`; None if they hold no ranges."""
        text = files["ranges.csv"].decode()
        table = io.StringIO(text)
        _, *rows = csv.reader(table)
        if not rows:
            return None
        entries = [_from_row(row) for row in rows]
        probes = _read_probes(files[PROBES_FILE])
        return cls(entries, probes)

    def lookup(self, values: Sequence[NDArray[np.floating]], tensor: str) -> ActivationRange:
        """Return the range of the activation that a tensor of a runtime holds.

        If several activations match, the range covers all of them.

        Args:
            values: contents of the tensor, one array of any shape per probe.
            tensor: its name, for messages.

        Raises:
            ConversionError: no activation has this fingerprint.
        """
        matches = self.matches(values, tensor)
        nearest = matches[0]
        low = min(entry.low for entry in matches)
        high = max(entry.high for entry in matches)
        return replace(nearest, low=low, high=high)

    def matches(self, values: Sequence[NDArray[np.floating]], tensor: str) -> list[ActivationRange]:
        """Return the ranges of all activations with the fingerprint of a tensor, nearest first.

        Args:
            values: contents of the tensor, one array of any shape per probe.
            tensor: its name, for messages.

        Raises:
            ConversionError: there is none.
        """
        distances = self._distances(values)
        nearest = float(distances.min())
        if not nearest <= TOLERANCE:
            raise ConversionError(
                f"tensor {tensor}: no activation of the model matches it, the nearest differs by "
                f"{nearest:.2g}; expected {TOLERANCE:g} or less: its range is not known. A scheme "
                "whose activations stay in float needs none: float16 or dynamic"
            )
        limit = max(10 * nearest, 1e-6)
        matches: list[ActivationRange] = []
        order = np.argsort(distances, kind="stable")
        for index in order:
            if distances[index] <= limit:
                matches.append(self.entries[index])
        return matches

    def has_match(self, values: Sequence[NDArray[np.floating]]) -> bool:
        """Return whether an activation has the fingerprint of a tensor with these contents."""
        distances = self._distances(values)
        nearest = distances.min()
        return bool(nearest <= TOLERANCE)

    def _distances(self, values: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """Return how far each fingerprint is from that of a tensor, relative to its size."""
        own = np.array(fingerprint(values))
        root_mean_square = max(own[3], 1e-9)
        differences = np.abs(self._fingerprints - own)
        largest = differences.max(axis=1)
        distances: NDArray[np.float64] = largest / root_mean_square
        return distances

    def to_files(self) -> dict[str, bytes]:
        """Return ranges.csv and probes.npy."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        header = ("name", *NUMBERS, *FINGERPRINT, "sources")
        writer.writerow(header)
        for entry in self.entries:
            row = _to_row(entry)
            writer.writerow(row)
        table = text.getvalue()
        return {"ranges.csv": table.encode(), PROBES_FILE: _write_probes(self.probes)}

    @cached_property
    def _fingerprints(self) -> NDArray[np.float64]:
        fingerprints = [entry.fingerprint for entry in self.entries]
        return np.array(fingerprints)


def fingerprint(values: Sequence[NDArray[np.floating]]) -> tuple[float, ...]:
    """Return minimum, maximum, mean and root mean square over arrays of any shape.

    None of them depends on the order of axes.
    """
    arrays = [np.asarray(array, np.float64) for array in values]
    flat = np.concatenate([array.reshape(-1) for array in arrays])
    smallest = float(flat.min())
    largest = float(flat.max())
    mean = float(flat.mean())
    mean_square = np.square(flat).mean()
    root_mean_square = float(np.sqrt(mean_square))
    return smallest, largest, mean, root_mean_square


def enclosing_bounds(
    candidates: Mapping[str, Sequence[ActivationRange]],
) -> dict[str, tuple[float, float]]:
    """Return the lowest low and the highest high of the candidates for each tensor, by name."""
    bounds = {}
    for name, ranges in candidates.items():
        low = min(candidate.low for candidate in ranges)
        high = max(candidate.high for candidate in ranges)
        bounds[name] = (low, high)
    return bounds


def _write_probes(probes: Feeds) -> bytes:
    """Return the probes of an image as their array [k, ...], others as one with a field each."""
    if list(probes) == [IMAGE]:
        return _to_npy(probes[IMAGE])
    records = _to_records(probes)
    return _to_npy(records)


def _to_npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _to_records(probes: Feeds) -> NDArray[Any]:
    """Return the probes as one array [k] with a field for each input."""
    fields = []
    for name, values in probes.items():
        shape = values.shape[1:]
        fields.append((name, values.dtype, shape))
    lengths = [len(values) for values in probes.values()]
    records = np.zeros(min(lengths), fields)
    for name, values in probes.items():
        records[name] = values
    return records


def _read_probes(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the probes of each input by its name, each [k, ...]."""
    stream = io.BytesIO(data)
    read = np.load(stream, allow_pickle=False)
    names = read.dtype.names
    if names is None:
        return {IMAGE: read}
    probes = {}
    for name in names:
        probes[name] = np.ascontiguousarray(read[name])
    return probes


def _width_with_zero(low: float, high: float) -> float:
    """Return the width of a range that is extended to include zero."""
    upper = max(high, 0.0)
    lower = min(low, 0.0)
    return upper - lower


def _to_row(entry: ActivationRange) -> list[str]:
    numbers = [getattr(entry, column) for column in NUMBERS]
    numbers += entry.fingerprint
    texts = [repr(number) for number in numbers]
    sources = " ".join(entry.sources)
    return [entry.name, *texts, sources]


def _from_row(row: list[str]) -> ActivationRange:
    name, *texts, sources = row
    numbers = [float(text) for text in texts]
    statistics = dict(zip(NUMBERS, numbers, strict=False))
    statistics_count = len(NUMBERS)
    fingerprint_numbers = numbers[statistics_count:]
    source_names = sources.split()
    return ActivationRange(
        name, **statistics, fingerprint=tuple(fingerprint_numbers), sources=tuple(source_names)
    )
