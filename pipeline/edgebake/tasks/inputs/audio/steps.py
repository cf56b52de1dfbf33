"""Steps from a recording to the model's input: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module. Sums are in float64 and each
step's result in float32, so that the order of additions does not matter.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Step = dict[str, Any]  # its name as `step`, and its parameters
Numbers = Mapping[str, NDArray[np.float32]]  # large constants, by the name in a step's `file`
FORMATS = {"pcm16": np.dtype(np.int16)}


def sound(step: Step, samples: Any, _: Numbers) -> NDArray[np.int16]:
    """Return the samples of a recording, int16 [n].

    The app records at this rate, or resamples before: the model expects no other.

    Args:
        step: `rate` in Hz, `channels`, which is 1, and `format`, which is pcm16.
        samples: of a recording, int16 [n].
        _: no numbers.

    Raises:
        ValueError: the samples have another format, or several channels.
    """
    values = np.asarray(samples)
    if values.dtype != FORMATS[step["format"]] or values.ndim != step["channels"]:
        expected = f"expected {step['format']} [samples]"
        raise ValueError(f"a sound of {values.dtype} {list(values.shape)}; {expected}")
    return values


def clip(step: Step, samples: NDArray[Any], _: Numbers) -> NDArray[Any]:
    """Return the first samples, with zeros behind a sound that is shorter.

    Args:
        step: `samples`, and `hop`: from a stream, the app takes a clip every so many samples.
        samples: [n].
        _: no numbers.
    """
    length = step["samples"]
    clipped = np.zeros(length, samples.dtype)
    first = samples[:length]
    clipped[: len(first)] = first
    return clipped


def scale(step: Step, samples: NDArray[Any], _: Numbers) -> NDArray[np.float32]:
    """Return the samples [n] times `by`, float32."""
    floats: NDArray[np.float32] = samples.astype(np.float32) * np.float32(step["by"])
    return floats


def frames(step: Step, samples: NDArray[np.float32], _: Numbers) -> NDArray[np.float32]:
    """Return overlapping ranges of the samples, [frames, length]; a rest at the end is dropped.

    Args:
        step: `length` and `hop` in samples; `centred` is false: the first frame begins with the
            first sample.
        samples: [n], at least `length`.
        _: no numbers.
    """
    every = np.lib.stride_tricks.sliding_window_view(samples, step["length"])
    return every[:: step["hop"]]


def window(step: Step, framed: NDArray[np.float32], _: Numbers) -> NDArray[np.float32]:
    """Return each frame times a window.

    Args:
        step: `shape` is hann. If `periodic`, the window is the first part of one that is longer by
            a sample: 0.5 - 0.5 cos(2 pi k / length).
        framed: [frames, length].
        _: no numbers.
    """
    weights = hann(framed.shape[-1], step["periodic"])
    windowed: NDArray[np.float32] = framed * weights
    return windowed


def hann(length: int, periodic: bool) -> NDArray[np.float32]:
    """Return a Hann window [length]."""
    intervals = length if periodic else length - 1
    angles = 2 * np.pi * np.arange(length) / intervals
    weights = 0.5 - 0.5 * np.cos(angles)
    return weights.astype(np.float32)


def power_spectrum(step: Step, framed: NDArray[np.float32], _: Numbers) -> NDArray[np.float32]:
    """Return re^2 + im^2 of the discrete Fourier transform, [frames, fft / 2 + 1].

    Args:
        step: `fft` is the length of the transform: zeros follow a frame that is shorter.
        framed: [frames, length].
        _: no numbers.
    """
    spectrum = np.fft.rfft(framed.astype(np.float64), step["fft"])
    power = spectrum.real**2 + spectrum.imag**2
    return power.astype(np.float32)


def matrix(step: Step, values: NDArray[np.float32], numbers: Numbers) -> NDArray[np.float32]:
    """Return the product of the values and a matrix, [frames, columns].

    Args:
        step: `file` names the matrix, of `rows` and `columns`.
        values: [frames, rows].
        numbers: contains the matrix.
    """
    factors = numbers[step["file"]].reshape(step["rows"], step["columns"])
    product = values.astype(np.float64) @ factors.astype(np.float64)
    return product.astype(np.float32)


def log(step: Step, values: NDArray[np.float32], _: Numbers) -> NDArray[np.float32]:
    """Return the logarithm of the values [frames, columns] plus `plus`, to keep silence finite."""
    shifted = values.astype(np.float64) + step["plus"]
    logarithms = np.log(shifted)
    result: NDArray[np.float32] = logarithms.astype(np.float32)
    return result


STEPS: dict[str, Callable[[Step, Any, Numbers], Any]] = {
    "sound": sound,
    "clip": clip,
    "scale": scale,
    "frames": frames,
    "window": window,
    "power_spectrum": power_spectrum,
    "matrix": matrix,
    "log": log,
}
