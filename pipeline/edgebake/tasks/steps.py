"""Steps that inputs of every kind share: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Step = dict[str, Any]  # its name as `step`, and its parameters
Numbers = Mapping[str, NDArray[np.float32]]


def normalize(step: Step, values: Any, _: Numbers) -> NDArray[np.float32]:
    """Return (value - mean) * scale as float32.

    Args:
        step: `mean` and `scale` are a number, or one for each element of the last axis.
        values: numbers, [n] or [n, channels] or of any more axes.
        _: no numbers.
    """
    mean = np.asarray(step["mean"], np.float32)
    scale = np.asarray(step["scale"], np.float32)
    floats = np.asarray(values).astype(np.float32)
    centered = floats - mean
    normalized: NDArray[np.float32] = centered * scale
    return normalized


STEPS: dict[str, Callable[[Step, Any, Numbers], Any]] = {"normalize": normalize}
