"""Steps from a window of sensor samples to the model's input: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module. `normalize` is shared.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Step = dict[str, Any]  # its name as `step`, and its parameters
Numbers = Mapping[str, NDArray[np.float32]]


def signal(step: Step, samples: Any, _: Numbers) -> NDArray[np.float32]:
    """Return samples float32 [n, channels] at the rate of the step, in its units.

    Args:
        step: `rate_hz`, `channels` in their order, `units` of each, and `uneven`: how an app makes
            an even rate of uneven times, `linear` interpolation.
        samples: numbers [n, channels].
        _: no numbers.

    Raises:
        ValueError: there is another number of channels, or a sample is not finite.
    """
    values = np.asarray(samples, np.float32)
    channels = len(step["channels"])
    if values.ndim != 2 or values.shape[1] != channels:
        raise ValueError(f"signal of shape {list(values.shape)}; expected [samples, {channels}]")
    if not np.isfinite(values).all():
        raise ValueError("signal with a sample that is not finite; expected numbers")
    return values


def clip(step: Step, samples: NDArray[np.float32], _: Numbers) -> NDArray[np.float32]:
    """Return the first `samples` samples, float32 [samples, channels].

    Args:
        step: `samples` of a window; `hop` from a window to the next in a stream; `short`: what
            happens to fewer samples, `refuse`.
        samples: float32 [n, channels].
        _: no numbers.

    Raises:
        ValueError: there are fewer samples, or `short` is another.
    """
    if step["short"] != "refuse":
        raise ValueError(f"short {step['short']!r}; expected 'refuse'")
    length = step["samples"]
    if len(samples) < length:
        raise ValueError(f"signal of {len(samples)} samples; expected at least {length}")
    return samples[:length]


STEPS: dict[str, Callable[[Step, Any, Numbers], Any]] = {"signal": signal, "clip": clip}
