"""The log-mel of a recording: worked numbers, a float64 reference, and mistakes that apps make."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.tasks.inputs.audio.mel import mel_matrix
from edgebake.tasks.inputs.audio.steps import STEPS, hann

Floats = NDArray[np.float64]

RATE = 16000
TOLERANCE = 1e-3  # nats
MEL = mel_matrix(RATE, fft=512, bands=40, lowest_hz=20, highest_hz=7600)
LOG_MEL = [
    {"step": "sound", "rate": RATE, "channels": 1, "format": "pcm16"},
    {"step": "clip", "samples": RATE, "hop": 8000, "short": "zeros_behind"},
    {"step": "scale", "by": 1 / 32768},
    {"step": "frames", "length": 480, "hop": 320, "centred": False},
    {"step": "window", "shape": "hann", "periodic": True},
    {"step": "power_spectrum", "fft": 512},
    {"step": "matrix", "file": "mel", "rows": 257, "columns": 40},
    {"step": "log", "base": "e", "plus": 1e-6},
]


def _chirps() -> NDArray[np.int16]:
    """Return a second with a rising tone, clicks and noise, loud and soft."""
    generator = np.random.default_rng(3)
    seconds = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * (200 + 1500 * seconds) * seconds) * np.exp(-3 * seconds)
    noise = generator.standard_normal(RATE) * 0.01
    noise[::1900] += 0.4
    return np.rint((0.5 * tone + noise) * 32767).astype(np.int16)


def _run(step: dict[str, object], values: object) -> NDArray[np.float32]:
    result: NDArray[np.float32] = STEPS[str(step["step"])](step, values, {"mel": MEL})
    return result


def _log_mel(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    values: NDArray[Any] = samples
    for step in LOG_MEL:
        values = _run(step, values)
    return values


def _framed(samples: Floats) -> Floats:
    starts = [320 * number for number in range(49)]
    return np.stack([samples[start : start + 480] for start in starts])


def _hann() -> Floats:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(480) / 480))


def _power(framed: Floats) -> Floats:
    """Return the power spectrum by its definition, without an FFT."""
    angles = 2 * np.pi * np.outer(np.arange(480), np.arange(257)) / 512
    real = framed @ np.cos(angles)
    imaginary = framed @ np.sin(angles)
    return np.asarray(real**2 + imaginary**2)


def _log(power: Floats) -> Floats:
    return np.asarray(np.log(power @ MEL.astype(np.float64) + 1e-6))


def test_the_steps_are_the_definition_in_float64_within_a_tenth_of_the_tolerance() -> None:
    samples = _chirps()
    expected = _log(_power(_framed(samples / 32768) * _hann()))
    values = _log_mel(samples)
    assert values.dtype == np.float32
    assert values.shape == (49, 40)
    assert np.abs(values - expected).max() < TOLERANCE / 10


def _symmetric_window(samples: Floats) -> Floats:
    return _log(_power(_framed(samples) * np.hanning(480)))


def _magnitude(samples: Floats) -> Floats:
    return _log(np.sqrt(_power(_framed(samples) * _hann())))


def _decimal_logarithm(samples: Floats) -> Floats:
    return np.asarray(_log(_power(_framed(samples) * _hann())) / np.log(10))


def _centered(samples: Floats) -> Floats:
    padded = np.pad(samples, 240, mode="reflect")
    return _log(_power(_framed(padded) * _hann()))


def _late(samples: Floats) -> Floats:
    padded = np.pad(samples, (0, 8))
    return _log(_power(_framed(padded[8:]) * _hann()))


def _unscaled(samples: Floats) -> Floats:
    return _log(_power(_framed(samples * 32768) * _hann()))


@pytest.mark.parametrize(
    "mistake", [_symmetric_window, _magnitude, _decimal_logarithm, _centered, _late, _unscaled]
)
def test_a_mistake_is_far_outside_the_tolerance(mistake: Callable[[Floats], Floats]) -> None:
    samples = _chirps()
    wrong = mistake(samples / 32768)
    assert np.abs(_log_mel(samples) - wrong).max() > 20 * TOLERANCE


def test_dividing_by_32767_cannot_be_told_from_dividing_by_32768() -> None:
    samples = _chirps()
    other = _log(_power(_framed(samples / 32767) * _hann()))
    assert np.abs(_log_mel(samples) - other).max() < TOLERANCE


def test_a_clip_is_cut_behind_or_filled_with_zeros_behind() -> None:
    step = {"step": "clip", "samples": 4, "hop": 2, "short": "zeros_behind"}
    assert _run(step, np.array([1, 2, 3, 4, 5, 6], np.int16)).tolist() == [1, 2, 3, 4]
    short = _run(step, np.array([1, 2], np.int16))
    assert short.tolist() == [1, 2, 0, 0]
    assert short.dtype == np.int16


def test_frames_overlap_and_drop_the_rest() -> None:
    step = {"step": "frames", "length": 4, "hop": 3, "centred": False}
    framed = _run(step, np.arange(12, dtype=np.float32))
    assert framed.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]


def test_a_periodic_window_has_no_second_zero() -> None:
    assert hann(4, periodic=True).tolist() == [0, 0.5, 1, 0.5]
    assert hann(3, periodic=False).tolist() == [0, 1, 0]


def test_a_tone_has_its_power_in_its_bin() -> None:
    # cos(2 pi 2 k / 8) sums to 8 / 2 in the bins 2 and -2.
    tone = np.cos(2 * np.pi * 2 * np.arange(8) / 8).astype(np.float32)
    power = _run({"step": "power_spectrum", "fft": 8}, tone[np.newaxis])
    assert power.shape == (1, 5)
    assert np.allclose(power, [[0, 0, 16, 0, 0]])


@pytest.mark.parametrize(
    ("samples", "shape"),
    [(np.zeros(3, np.float32), "float32 [3]"), (np.zeros((3, 2), np.int16), "int16 [3, 2]")],
)
def test_other_formats_and_channels_are_refused(samples: NDArray[np.int16], shape: str) -> None:
    step = {"step": "sound", "rate": RATE, "channels": 1, "format": "pcm16"}
    with pytest.raises(ValueError, match="a sound of ") as refused:
        _run(step, samples)
    assert str(refused.value) == f"a sound of {shape}; expected pcm16 [samples]"
