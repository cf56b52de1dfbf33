"""Operators that LiteRT computes in int8 and LiteRT's quantizer leaves in float, by their scales.

Source: the kernels in tensorflow/lite/kernels/ of TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = -128, 127


@dataclass(frozen=True)
class Scale:
    """Quantization of an int8 tensor: real value = (stored - zero_point) * step."""

    step: float
    zero_point: int

    @classmethod
    def of_range(cls, low: float, high: float) -> Scale:
        """Return the scale whose 256 steps cover a range, zero included."""
        low = min(low, 0.0)
        high = max(high, 0.0)
        if low == high:
            return cls(1.0, 0)
        step = float(np.float32((high - low) / (HIGHEST - LOWEST)))
        return cls(step, round(LOWEST - low / step))

    @classmethod
    def symmetric(cls, values: NDArray[np.float32]) -> Scale:
        """Return the scale of constants, with zero in the middle."""
        largest = float(np.abs(values).max())
        if largest == 0:
            return cls(1 / HIGHEST, 0)
        return cls(float(np.float32(largest / HIGHEST)), 0)

    def to_int8(self, values: NDArray[np.float32]) -> NDArray[np.int8]:
        """Quantize real values; those outside of the range are clipped."""
        steps = np.rint(values / self.step) + self.zero_point
        stored: NDArray[np.int8] = steps.clip(LOWEST, HIGHEST).astype(np.int8)
        return stored


# Kernels whose output has a scale of its own.
OWN_SCALE = frozenset({"PRELU", "LEAKY_RELU", "ELU", "EXP", "LOG", "ABS", "RELU6", "RELU_N1_TO_1"})
# Kernels that move or compare stored values: inputs and output have one scale.
SHARED_SCALE = frozenset(
    {
        "TILE",
        "REDUCE_MAX",
        "MINIMUM",
        "DEPTH_TO_SPACE",
        "SPACE_TO_BATCH_ND",
        "BATCH_TO_SPACE_ND",
        "REVERSE_V2",
        "EXPAND_DIMS",
        "SQUEEZE",
        "SPLIT_V",
        "TOPK_V2",
    }
)
# Kernels that read int8 and answer true or false. They abort if a step is 1 or more
# (QuantizeMultiplierSmallerThanOneExp in comparisons.cc of TensorFlow Lite).
COMPARISONS = frozenset({"GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"})
# Kernels whose output has the scale that LiteRT prescribes.
FIXED_SCALE = {"L2_NORMALIZATION": Scale(1 / 128, 0), "LOG_SOFTMAX": Scale(16 / 256, 127)}
TRUTH_SCALE = Scale(1.0, 0)  # of a CAST from true and false
KINDS = OWN_SCALE | SHARED_SCALE | COMPARISONS | FIXED_SCALE.keys() | {"CAST"}
