"""Preprocessing of a model's input in an app, step by step: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = Mapping[str, NDArray[np.float32]]  # large constants of steps, by key
StepFunction = Callable[[dict[str, Any], Any, Numbers], Any]


def run(
    steps: Sequence[dict[str, Any]],
    raw: Any,
    numbers: Numbers,
    registry: Mapping[str, StepFunction],
) -> Any:
    """Run steps in order, each on the result of the one before.

    Args:
        steps: parameters of each, with its name as `step`.
        raw: one example before the first step.
        numbers: large constants that steps refer to, by key.
        registry: the function of each step, by its name.

    Raises:
        ValueError: a step is unknown.
    """
    value = raw
    for step in steps:
        name = step["step"]
        if name not in registry:
            raise ValueError(f"{name}: unknown step; the bundle is newer than this code")
        value = registry[name](step, value, numbers)
    return value
