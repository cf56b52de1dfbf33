"""Store weights as int8; activations stay in float, or are quantized on the fly where a runtime can."""

import numpy as np
from numpy.typing import NDArray

from pipeline.quantized import Quantized

DTYPE = "float32"
CALIBRATED = False
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: NDArray[np.float32] | None) -> Quantized:
    """Return the model with the wish for int8 weights."""
    return Quantized(archive, "dynamic", weights="int8", activations="float32")
