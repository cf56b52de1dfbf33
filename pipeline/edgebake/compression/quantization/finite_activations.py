"""Refuse activations that are not finite: they have no range, and no histogram."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.tasks.tensors import Feeds

# Examples -> one float32 array [n, ...] per activation.
ComputeActivations = Callable[[Feeds], list[NDArray[np.float32]]]


def refusing_others(compute: ComputeActivations, names: Sequence[str]) -> ComputeActivations:
    """Return the same function of examples, which refuses activations that are not finite.

    Args:
        compute: the function; its result raises a ConversionError that names the activation.
        names: of the activations that it returns.
    """

    def compute_finite(examples: Feeds) -> list[NDArray[np.float32]]:
        arrays = compute(examples)
        for name, values in zip(names, arrays, strict=True):
            if not np.isfinite(values).all():
                raise ConversionError(
                    f"activation {name!r} of the model is NaN or infinite for a calibration "
                    "sample, so it has no range; expected finite numbers. A scheme whose "
                    "activations stay in float needs no ranges: float16 or dynamic"
                )
        return arrays

    return compute_finite
