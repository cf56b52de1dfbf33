"""Compute in int8, weights and activations; ranges come from calibration examples (post-training)."""

import numpy as np
from numpy.typing import NDArray

from pipeline.quantized import Quantized

DTYPE = "int8"
CALIBRATED = True
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, calibration: NDArray[np.float32] | None) -> Quantized:
    """Return the model with the wish for int8 and the examples that show the ranges."""
    return Quantized(archive, "int8", weights="int8", activations="int8", calibration=calibration)
