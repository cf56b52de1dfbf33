"""Where the sampling modes of image operators look, for modules of this folder."""

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.mil import UnsupportedError


def positions(size: int, new: int, mode: str) -> NDArray[np.float64]:
    """Return for each of `new` places where it looks along an axis of `size`, between 0 and size - 1.

    Source: `resize` and `resize_bilinear` in coremltools' MIL documentation.
    """
    index = np.arange(new, dtype=np.float64)
    places: NDArray[np.float64]
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if new == 1:
            places = np.array([(size - 1) / 2 if mode == "ALIGN_CORNERS" else 0.0])
        else:
            places = index * (size - 1) / (new - 1)
    elif mode == "DEFAULT":
        places = index * size / new
    elif mode == "OFFSET_CORNERS":
        places = (index + 0.5) * max(1, size - 1) / new
    elif mode == "UNALIGN_CORNERS":
        places = (index + 0.5) * size / new - 0.5
    else:
        raise UnsupportedError(f"sampling_mode {mode}")
    return np.clip(places, 0, size - 1)


def interpolation(size: int, new: int, mode: str) -> NDArray[np.float32]:
    """Return the matrix [new, size] that interpolates linearly along one axis."""
    places = positions(size, new, mode)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, size - 1)
    weights = np.zeros((new, size))
    np.add.at(weights, (np.arange(new), below), 1 - (places - below))
    np.add.at(weights, (np.arange(new), above), places - below)
    return weights.astype(np.float32)
