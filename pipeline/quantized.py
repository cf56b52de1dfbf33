"""What quantize hands to convert: a model, the numbers it is to compute in, and examples that show their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # the planner reads the facts of every scheme and has no use for NumPy
    import numpy as np
    from numpy.typing import NDArray

Calibration: TypeAlias = "NDArray[np.float32] | None"  # examples as the model sees them, [n, h, w, c]


@dataclass(frozen=True)
class Quantized:
    """A Keras archive and its scheme; no calibration for a scheme that needs none."""

    archive: bytes
    scheme: str
    weights: str  # float32, float16 or int8
    activations: str  # float32, float16 or int8
    calibration: Calibration = None
