"""Positions at which the sampling modes of image operators sample an axis."""

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.mil import UnsupportedError

ALIGNED_MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS")


def sampling_positions(size: int, new_size: int, mode: str) -> NDArray[np.float64]:
    """Return the positions, float64 [new_size], in pixels between 0 and size - 1.

    Source: `resize` and `resize_bilinear` in coremltools' MIL documentation.
    """
    last = size - 1
    index = np.arange(new_size, dtype=np.float64)
    positions: NDArray[np.float64]
    if mode == "ALIGN_CORNERS" and new_size == 1:
        positions = np.array([last / 2])
    elif mode == "STRICT_ALIGN_CORNERS" and new_size == 1:
        positions = np.array([0.0])
    elif mode in ALIGNED_MODES:
        positions = index * last / (new_size - 1)
    elif mode == "DEFAULT":
        positions = index * size / new_size
    elif mode == "OFFSET_CORNERS":
        positions = (index + 0.5) * max(1, last) / new_size
    elif mode == "UNALIGN_CORNERS":
        positions = (index + 0.5) * size / new_size - 0.5
    else:
        raise UnsupportedError(f"sampling_mode {mode}")
    return np.clip(positions, 0, last)


def interpolation_matrix(size: int, new_size: int, mode: str) -> NDArray[np.float32]:
    """Return the matrix of linear interpolation along one axis, float32 [new_size, size]."""
    positions = sampling_positions(size, new_size, mode)
    lower = np.floor(positions).astype(np.int64)
    upper = np.minimum(lower + 1, size - 1)
    fraction = positions - lower
    rows = np.arange(new_size)
    matrix = np.zeros((new_size, size))
    # The two indices are equal at the last pixel: their weights have to be summed.
    np.add.at(matrix, (rows, lower), 1 - fraction)
    np.add.at(matrix, (rows, upper), fraction)
    return matrix.astype(np.float32)
