"""Store weights in float16; the device computes in whatever float it is best at."""

import numpy as np
from numpy.typing import NDArray

from pipeline.quantized import Quantized

DTYPE = "float16"
CALIBRATED = False
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: NDArray[np.float32] | None) -> Quantized:
    """Return the model with the wish for float16 weights."""
    return Quantized(archive, "float16", weights="float16", activations="float32")
