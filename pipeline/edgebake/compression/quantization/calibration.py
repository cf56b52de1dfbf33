"""A model and examples in, the range of every value of it out. Imports TensorFlow for a model of Keras."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgebake import plugins
from edgebake.compression.quantization.histogram import BINS, ActivationHistogram
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, fingerprint
from edgebake.models.importers.interface import load_importer
from edgebake.recipe import Calibration

PROBES = 4
BATCH = 20  # examples at once, for speed alone

Extremes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Pass = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


def calibrate(
    archive: bytes, examples: NDArray[np.float32], words: Calibration, form: str = "keras"
) -> ActivationRanges:
    """Return the ranges that the recipe's method finds in examples as the model sees them, [n, h, w, c].

    Args:
        archive: the model.
        examples: shown to it.
        words: of the recipe.
        form: the model's format, keras, onnx or tflite.
    """
    activations = load_importer(form).activations(archive)
    sources, values_of = activations.sources, activations.compute
    find = plugins.load("quantize.calibration.method", words.method).find
    probes = examples[:PROBES]
    marked = [fingerprint([value]) for value in values_of(probes)]
    everything = _seen(values_of, examples)
    found = [
        replace(_range(one, find(one, words), left), name=name, sources=sources[name])
        for name, one, left in zip(sources, everything, marked, strict=True)
    ]
    return ActivationRanges(found, probes)


def with_trained_ranges(
    ranges: ActivationRanges, archive: bytes, trained: dict[str, tuple[float, float]]
) -> ActivationRanges:
    """Return the ranges with those in place that training found, by layer of the model."""
    import keras

    model = keras_session.load(archive)
    outputs = [model.get_layer(name).output for name in trained]
    values = keras.Model(model.inputs, outputs)(ranges.probes, training=False)
    values = values if isinstance(values, list | tuple) else [values]
    known = {one.name: one for one in ranges.entries}
    for (layer, (low, high)), value in zip(trained.items(), values, strict=True):
        for one in ranges.matches([np.asarray(value)], layer):
            known[one.name] = replace(one, low=min(low, 0.0), high=max(high, 0.0))
    return ActivationRanges([known[one.name] for one in ranges.entries], ranges.probes)


def _range(
    seen: ActivationHistogram, found: tuple[float, float], left: tuple[float, ...]
) -> ActivationRange:
    """Return a range with zero in it: padding and the end of a ReLU must be exact (Jacob et al., arXiv 1712.05877)."""
    return ActivationRange(
        "",
        low=min(found[0], 0.0),
        high=max(found[1], 0.0),
        smallest=float(seen.lows.min()),
        largest=float(seen.highs.max()),
        core_low=seen.quantile(0.001),
        core_high=seen.quantile(0.999),
        channel_low=float(np.median(seen.channel_lows)),
        channel_high=float(np.median(seen.channel_highs)),
        fingerprint=left,
    )


def _seen(values_of: Pass, examples: NDArray[np.float32]) -> list[ActivationHistogram]:
    """Return extremes in a first pass and histograms between them in a second."""
    parts = [
        [_extremes(value, len(batch)) for value in values_of(batch)] for batch in _batches(examples)
    ]
    extremes = [_joined(one) for one in zip(*parts, strict=True)]
    counts = [np.zeros(BINS, np.int64) for _ in extremes]
    for batch in _batches(examples):
        for number, value in enumerate(values_of(batch)):
            lows, highs, *_ = extremes[number]
            counts[number] += _histogram(value, float(lows.min()), float(highs.max()))
    return [ActivationHistogram(*one, count) for one, count in zip(extremes, counts, strict=True)]


def _batches(examples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (examples[start : start + BATCH] for start in range(0, len(examples), BATCH))


def _extremes(value: NDArray[np.float32], count: int) -> Extremes:
    """Return smallest and largest of each example and of each channel, which come last in TensorFlow.

    A value that is one for the whole batch counts for each example of it.
    """
    whole = (
        value if value.ndim > 1 and len(value) == count else value.reshape(1, -1).repeat(count, 0)
    )
    planes = whole.reshape(count, -1, whole.shape[-1])
    lows, highs = planes.min(axis=1).astype(np.float64), planes.max(axis=1).astype(np.float64)
    return lows.min(axis=1), highs.max(axis=1), lows.min(axis=0), highs.max(axis=0)


def _joined(parts: Sequence[Extremes]) -> Extremes:
    lows, highs, channel_lows, channel_highs = zip(*parts, strict=True)
    if (
        len({len(one) for one in channel_lows}) > 1
    ):  # its last axis is no channel: it grows with the batch
        channel_lows = tuple(one.min(keepdims=True) for one in channel_lows)
        channel_highs = tuple(one.max(keepdims=True) for one in channel_highs)
    return (
        np.concatenate(lows),
        np.concatenate(highs),
        np.min(channel_lows, axis=0),
        np.max(channel_highs, axis=0),
    )


def _histogram(value: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    if low == high:
        return np.bincount([0], [value.size], BINS).astype(np.int64)
    places = np.subtract(value, np.float32(low), dtype=np.float32)
    places *= np.float32(BINS / (high - low))
    return np.bincount(places.reshape(-1).astype(np.int32).clip(0, BINS - 1), minlength=BINS)
