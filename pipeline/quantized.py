"""What quantize hands to convert: a model, the numbers it is to compute in, and examples that show their ranges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantized:
    """A Keras archive and its scheme; calibration float32 [n, h, w, c], or none for a scheme that needs none."""

    archive: bytes
    scheme: str
    weights: str  # float32, float16 or int8
    activations: str  # float32, float16 or int8
    calibration: NDArray[np.float32] | None = None
