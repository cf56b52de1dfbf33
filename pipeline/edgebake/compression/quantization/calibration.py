"""Calibration: determine the range of every activation of a model from samples of its data.

Calibration of a Keras model imports TensorFlow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgebake import plugins
from edgebake.compression.quantization import finite_activations
from edgebake.compression.quantization.finite_activations import ComputeActivations
from edgebake.compression.quantization.histogram import BINS, ActivationHistogram
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, fingerprint
from edgebake.models.importers.interface import load_importer
from edgebake.recipe import Calibration
from edgebake.runtimes.interface import FileValues
from edgebake.tasks.tensors import Feeds, count, take
from edgebake.terminal import progress

PROBES = 4
BATCH = 20  # samples; changes the speed alone


def calibrate(
    archive: bytes, samples: Feeds, options: Calibration, model_format: str = "keras"
) -> ActivationRanges:
    """Determine the range of every activation by the method of the recipe.

    Args:
        archive: the model.
        samples: as a model is fed, float inputs preprocessed.
        options: calibration method and its options.
        model_format: keras, onnx or tflite.

    Raises:
        ConversionError: an activation is not finite for a sample.
    """
    activations = load_importer(model_format).activations(archive, list(samples))
    entries = _calibrate_values(activations.compute, activations.sources, samples, options)
    probes = take(samples, slice(PROBES))
    return ActivationRanges(entries, probes)


def with_ranges_of_file(
    ranges: ActivationRanges, file: FileValues, samples: Feeds, options: Calibration
) -> ActivationRanges:
    """Add the ranges of the values that only a converted float file computes.

    A converter splits an operator in two, and the value between them is in no graph of the source.

    Args:
        ranges: of the model itself.
        file: the converted float file.
        samples: that `ranges` were calibrated on.
        options: calibration method and its options.
    """
    names = []
    values_on_probes = file.compute_values(ranges.probes)
    for name, values in values_on_probes.items():
        if not ranges.has_match(values):
            names.append(name)
    if not names:
        return ranges

    def compute(examples: Feeds) -> list[NDArray[np.float32]]:
        values = file.compute_values(examples, names)
        return [np.stack(values[name]) for name in names]

    sources: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    entries = _calibrate_values(compute, sources, samples, options)
    return ActivationRanges([*ranges.entries, *entries], ranges.probes)


def _calibrate_values(
    compute: ComputeActivations,
    sources: Mapping[str, tuple[str, ...]],
    samples: Feeds,
    options: Calibration,
) -> list[ActivationRange]:
    """Return the range of each value.

    Args:
        compute: returns the values of a batch.
        sources: name of each value, in that order -> names of the values it is computed from.
        samples: as a model is fed, float inputs preprocessed.
        options: calibration method and its options.

    Raises:
        ConversionError: a value is not finite for a sample.
    """
    compute = finite_activations.refusing_others(compute, list(sources))
    method = plugins.load("quantize.calibration.method", options.method)
    probes = take(samples, slice(PROBES))
    probe_activations = compute(probes)
    histograms = _collect_histograms(compute, samples)
    entries = []
    named_histograms = zip(sources, histograms, strict=True)
    for number, (name, histogram) in enumerate(named_histograms):
        low, high = method.find(histogram, options)
        probe_values = probe_activations[number]
        entry = ActivationRange(
            name,
            # Zero has to be exact, for padding and for the lower end of a ReLU:
            # Jacob et al., https://arxiv.org/abs/1712.05877.
            low=min(low, 0.0),
            high=max(high, 0.0),
            smallest=histogram.smallest(),
            largest=histogram.largest(),
            core_low=histogram.quantile(0.001),
            core_high=histogram.quantile(0.999),
            channel_low=_median(histogram.channel_lows),
            channel_high=_median(histogram.channel_highs),
            fingerprint=fingerprint([probe_values]),
            sources=sources[name],
        )
        entries.append(entry)
    return entries


def with_trained_ranges(
    ranges: ActivationRanges, archive: bytes, trained: Mapping[str, tuple[float, float]]
) -> ActivationRanges:
    """Replace calibrated ranges by those of quantization-aware training.

    Args:
        ranges: calibrated ranges of the Keras model.
        archive: the model.
        trained: low and high, by name of the layer that returns the activation.
    """
    import keras

    model = keras_session.load(archive)
    outputs = []
    for name in trained:
        layer = model.get_layer(name)
        outputs.append(layer.output)
    traced_model = keras.Model(model.inputs, outputs)
    (probes,) = ranges.probes.values()  # quantization-aware training takes one input
    activations = traced_model(probes, training=False)
    if not isinstance(activations, list | tuple):
        activations = [activations]
    entries = {entry.name: entry for entry in ranges.entries}
    named_activations = zip(trained, activations, strict=True)
    for name, activation in named_activations:
        low, high = trained[name]
        values = np.asarray(activation)
        for entry in ranges.matches([values], name):
            entries[entry.name] = replace(entry, low=min(low, 0.0), high=max(high, 0.0))
    merged_entries = list(entries.values())
    return ActivationRanges(merged_entries, ranges.probes)


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
        depends_on_samples = values.ndim > 1 and len(values) == count
        if not depends_on_samples:
            row = values.reshape(1, -1)
            values = row.repeat(count, 0)
        channels = values.shape[-1]
        positions = values.reshape(count, -1, channels)
        lows = positions.min(axis=1)
        highs = positions.max(axis=1)
        self._add_lows(lows.astype(np.float64))
        self._add_highs(highs.astype(np.float64))

    def _add_lows(self, lows: NDArray[np.float64]) -> None:
        """Add the minima [batch, channels] of each sample and channel."""
        sample_lows = np.min(lows, axis=1)
        channel_lows = np.min(lows, axis=0)
        self.lows.append(sample_lows)
        self.channel_lows.append(channel_lows)

    def _add_highs(self, highs: NDArray[np.float64]) -> None:
        """Add the maxima [batch, channels] of each sample and channel."""
        sample_highs = np.max(highs, axis=1)
        channel_highs = np.max(highs, axis=0)
        self.highs.append(sample_highs)
        self.channel_highs.append(channel_highs)

    def low(self) -> float:
        """Return the smallest value."""
        lows = np.concatenate(self.lows)
        return float(lows.min())

    def high(self) -> float:
        """Return the largest value."""
        highs = np.concatenate(self.highs)
        return float(highs.max())

    def with_counts(self, counts: NDArray[np.int64]) -> ActivationHistogram:
        """Return the statistics of all batches with the counts of the histogram [2048]."""
        channel_lows = self.channel_lows
        channel_highs = self.channel_highs
        channel_counts = {len(lows) for lows in channel_lows}
        if len(channel_counts) > 1:
            # The last axis grows with the batch, so it is not a channel.
            channel_lows = [np.min(lows, keepdims=True) for lows in channel_lows]
            channel_highs = [np.max(highs, keepdims=True) for highs in channel_highs]
        return ActivationHistogram(
            lows=np.concatenate(self.lows),
            highs=np.concatenate(self.highs),
            channel_lows=np.min(channel_lows, axis=0),
            channel_highs=np.max(channel_highs, axis=0),
            counts=counts,
        )


def _collect_histograms(compute: ComputeActivations, samples: Feeds) -> list[ActivationHistogram]:
    """Run the model twice: first for the extremes, then for the histograms between them."""
    extremes = _collect_extremes(compute, samples)
    shape = (len(extremes), BINS)
    counts = np.zeros(shape, np.int64)
    for batch in _batches(samples):
        activations = compute(batch)
        for number, values in enumerate(activations):
            low = extremes[number].low()
            high = extremes[number].high()
            counts[number] += _histogram(values, low, high)
    histograms = []
    for number, activation_extremes in enumerate(extremes):
        histogram = activation_extremes.with_counts(counts[number])
        histograms.append(histogram)
    return histograms


def _collect_extremes(compute: ComputeActivations, samples: Feeds) -> list[_Extremes]:
    extremes: list[_Extremes] = []
    for batch in _batches(samples):
        activations = compute(batch)
        if not extremes:
            extremes = [_Extremes() for _ in activations]
        pairs = zip(extremes, activations, strict=True)
        for activation_extremes, values in pairs:
            activation_extremes.add(values, count(batch))
    return extremes


def _batches(samples: Feeds) -> Iterator[Feeds]:
    total = count(samples)
    for start in range(0, total, BATCH):
        end = start + BATCH
        batch = take(samples, slice(start, end))
        yield batch
        finished = start + count(batch)
        progress.report(finished, total, "samples")


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values))


def _histogram(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    """Return the counts [2048] of values of any shape between low and high."""
    if low == high:
        counts = np.zeros(BINS, np.int64)
        counts[0] = values.size
        return counts
    width = high - low
    bins_per_unit = BINS / width
    origin = np.float32(low)
    factor = np.float32(bins_per_unit)
    positions = np.subtract(values, origin, dtype=np.float32)
    positions *= factor
    bins = positions.reshape(-1)
    bins = bins.astype(np.int32)
    last_bin = BINS - 1
    bins = bins.clip(0, last_bin)
    return np.bincount(bins, minlength=BINS)
