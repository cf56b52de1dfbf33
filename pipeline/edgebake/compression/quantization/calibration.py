"""Calibration: determine the range of every activation of a model from samples of its data.

Calibration of a Keras model imports TensorFlow.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgebake import plugins
from edgebake.compression.quantization.histogram import BINS, ActivationHistogram
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, fingerprint
from edgebake.models.importers.interface import load_importer
from edgebake.recipe import Calibration

PROBES = 4
BATCH = 20  # samples; changes the speed alone

# Images float32 [n, h, w, c] -> one float32 array [n, ...] per activation.
ComputeActivations = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


def calibrate(
    archive: bytes,
    samples: NDArray[np.float32],
    options: Calibration,
    model_format: str = "keras",
) -> ActivationRanges:
    """Determine the range of every activation by the method of the recipe.

    Args:
        archive: the model.
        samples: preprocessed images, float32 [n, h, w, c].
        options: calibration method and its options.
        model_format: keras, onnx or tflite.
    """
    activations = load_importer(model_format).activations(archive)
    find_range = plugins.load("quantize.calibration.method", options.method).find
    probes = samples[:PROBES]
    fingerprints = [fingerprint([values]) for values in activations.compute(probes)]
    histograms = _collect_histograms(activations.compute, samples)
    entries = []
    for name, probe_fingerprint, histogram in zip(
        activations.sources,
        fingerprints,
        histograms,
        strict=True,
    ):
        low, high = find_range(histogram, options)
        entries.append(
            ActivationRange(
                name,
                # Zero has to be exact, for padding and for the lower end of a ReLU:
                # Jacob et al., https://arxiv.org/abs/1712.05877.
                low=min(low, 0.0),
                high=max(high, 0.0),
                smallest=float(histogram.lows.min()),
                largest=float(histogram.highs.max()),
                core_low=histogram.quantile(0.001),
                core_high=histogram.quantile(0.999),
                channel_low=float(np.median(histogram.channel_lows)),
                channel_high=float(np.median(histogram.channel_highs)),
                fingerprint=probe_fingerprint,
                sources=activations.sources[name],
            )
        )
    return ActivationRanges(entries, probes)


def with_trained_ranges(
    ranges: ActivationRanges,
    archive: bytes,
    trained: Mapping[str, tuple[float, float]],
) -> ActivationRanges:
    """Replace calibrated ranges by those of quantization-aware training.

    Args:
        ranges: calibrated ranges of the Keras model.
        archive: the model.
        trained: low and high, by name of the layer that returns the activation.
    """
    import keras

    model = keras_session.load(archive)
    outputs = [model.get_layer(layer).output for layer in trained]
    values = keras.Model(model.inputs, outputs)(ranges.probes, training=False)
    if not isinstance(values, list | tuple):
        values = [values]
    entries = {entry.name: entry for entry in ranges.entries}
    for layer, value in zip(trained, values, strict=True):
        low, high = trained[layer]
        for entry in ranges.matches([np.asarray(value)], layer):
            entries[entry.name] = replace(
                entry,
                low=min(low, 0.0),
                high=max(high, 0.0),
            )
    return ActivationRanges(list(entries.values()), ranges.probes)


@dataclass
class _Extremes:
    """Minima and maxima of one activation, one array per batch."""

    lows: list[NDArray[np.float64]] = field(default_factory=list)  # [batch]
    highs: list[NDArray[np.float64]] = field(default_factory=list)
    channel_lows: list[NDArray[np.float64]] = field(default_factory=list)  # [channels]
    channel_highs: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, values: NDArray[np.float32], count: int) -> None:
        """Add a batch of `count` samples: values [count, ..., channels].

        Values that do not depend on the sample count for each of them.
        """
        if values.ndim <= 1 or len(values) != count:
            values = values.reshape(1, -1).repeat(count, 0)
        channels = values.shape[-1]
        positions = values.reshape(count, -1, channels)
        lows = positions.min(axis=1).astype(np.float64)
        highs = positions.max(axis=1).astype(np.float64)
        self.lows.append(lows.min(axis=1))
        self.highs.append(highs.max(axis=1))
        self.channel_lows.append(lows.min(axis=0))
        self.channel_highs.append(highs.max(axis=0))

    def low(self) -> float:
        """Return the smallest value."""
        return float(np.concatenate(self.lows).min())

    def high(self) -> float:
        """Return the largest value."""
        return float(np.concatenate(self.highs).max())

    def with_counts(self, counts: NDArray[np.int64]) -> ActivationHistogram:
        """Return the statistics of all batches with the counts of the histogram [2048]."""
        channel_lows = self.channel_lows
        channel_highs = self.channel_highs
        sizes = {len(lows) for lows in channel_lows}
        if len(sizes) > 1:
            # The last axis grows with the batch, so it is not a channel.
            channel_lows = [lows.min(keepdims=True) for lows in channel_lows]
            channel_highs = [highs.max(keepdims=True) for highs in channel_highs]
        return ActivationHistogram(
            lows=np.concatenate(self.lows),
            highs=np.concatenate(self.highs),
            channel_lows=np.min(channel_lows, axis=0),
            channel_highs=np.max(channel_highs, axis=0),
            counts=counts,
        )


def _collect_histograms(
    compute: ComputeActivations, samples: NDArray[np.float32]
) -> list[ActivationHistogram]:
    """Run the model twice: first for the extremes, then for the histograms between them."""
    extremes: list[_Extremes] = []
    for batch in _batches(samples):
        activations = compute(batch)
        if not extremes:
            extremes = [_Extremes() for _ in activations]
        for activation_extremes, values in zip(extremes, activations, strict=True):
            activation_extremes.add(values, len(batch))
    counts = [np.zeros(BINS, np.int64) for _ in extremes]
    for batch in _batches(samples):
        for number, values in enumerate(compute(batch)):
            low = extremes[number].low()
            high = extremes[number].high()
            counts[number] += _histogram(values, low, high)
    histograms = []
    for number, activation_counts in enumerate(counts):
        histograms.append(extremes[number].with_counts(activation_counts))
    return histograms


def _batches(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(samples), BATCH):
        yield samples[start : start + BATCH]


def _histogram(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    """Return the counts [2048] of values of any shape between low and high."""
    if low == high:
        return np.bincount([0], [values.size], BINS).astype(np.int64)
    bins_per_unit = BINS / (high - low)
    positions = np.subtract(values, np.float32(low), dtype=np.float32)
    positions *= np.float32(bins_per_unit)
    bins = positions.reshape(-1).astype(np.int32)
    return np.bincount(bins.clip(0, BINS - 1), minlength=BINS)
