"""Matrix from the bins of a power spectrum to mel bands; contracts contain its numbers.

The word mel means several things: this is the scale of HTK, with triangles of height 1 that are
straight on that scale, as `tf.signal.linear_to_mel_weight_matrix`.
"""

import numpy as np
from numpy.typing import NDArray

FACTOR = 1127.0  # of the mel scale: 1127 ln(1 + f / 700)
BREAK_HZ = 700.0


def mel_matrix(
    rate: int, fft: int, bands: int, lowest_hz: float, highest_hz: float
) -> NDArray[np.float32]:
    """Return the weight of each bin in each band, [bins, bands].

    Args:
        rate: of the samples, in Hz.
        fft: length of the transform.
        bands: number of triangles.
        lowest_hz: where the first triangle begins.
        highest_hz: where the last triangle ends.
    """
    bin_count = fft // 2 + 1
    bins_hz = np.arange(bin_count) * rate / fft
    bins = _mel(bins_hz)
    bins = bins[:, np.newaxis]
    ends_hz = np.array([lowest_hz, highest_hz])
    lowest, highest = _mel(ends_hz)
    edges = np.linspace(lowest, highest, bands + 2)
    lower = edges[:-2]
    center = edges[1:-1]
    upper = edges[2:]
    rising = (bins - lower) / (center - lower)
    falling = (upper - bins) / (upper - center)
    triangles = np.minimum(rising, falling)
    weights = np.maximum(0, triangles)
    weights[0] = 0  # the mean of the samples, which is no sound
    matrix: NDArray[np.float32] = weights.astype(np.float32)
    return matrix


def empty_bands(matrix: NDArray[np.float32]) -> list[int]:
    """Return the bands of a matrix [bins, bands] that no bin falls into: they hear nothing."""
    sums = matrix.sum(axis=0)
    bands = np.flatnonzero(sums == 0)
    return [int(band) for band in bands]


def _mel(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = frequency / BREAK_HZ
    return FACTOR * np.log1p(ratio)
