"""Make clips of one second from spoken words: at a random time and loudness, in noise."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

RATE = 16000  # of a clip, in Hz
SAMPLES = 16000  # of a clip
FULL_SCALE = 32767
# 22,050 Hz, at which espeak-ng speaks, to RATE.
UP = 320
DOWN = 441
FILTER_HALF_LENGTH = 10  # in periods of the lower rate, as in SciPy
FILTER_BETA = 5.0  # of a Kaiser window, as in SciPy
AUDIBLE = 0.01  # of the full scale: what is softer before and behind a word is cut off
LOUDNESS_DB = (-12.0, 0.0)  # of a word, to what espeak-ng speaks
SILENCE_DB = (-60.0, -15.0)  # of noise without a word, to the full scale
# Exponents of the frequency by which the amplitudes of noise fall: white, pink and brown.
NOISE_SLOPES = (0.0, 0.5, 1.0)


def resample(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return a word at RATE [n], in -1 to 1, without the silence before and behind it.

    Args:
        samples: of espeak-ng [n], in full scale of int16.
    """
    from scipy import signal

    floats = samples.astype(np.float64) / 32768
    resampled = signal.resample_poly(floats, UP, DOWN, window=_low_pass())
    amplitudes = np.abs(resampled)
    audible = np.flatnonzero(amplitudes > AUDIBLE)
    if not len(audible):
        return np.zeros(0)
    start = audible[0]
    end = audible[-1] + 1
    word: NDArray[np.float64] = resampled[start:end]
    return word


@functools.cache
def _low_pass() -> NDArray[np.float64]:
    """Return the filter that `resample_poly` would design for every word anew."""
    from scipy import signal

    larger = max(UP, DOWN)
    half_length = FILTER_HALF_LENGTH * larger
    length = 2 * half_length + 1
    cutoff = 1 / larger
    window = ("kaiser", FILTER_BETA)
    low_pass: NDArray[np.float64] = signal.firwin(length, cutoff, window=window)
    return low_pass


def place(word: NDArray[np.float64], noise_ratio_db: float, random: Generator) -> NDArray[np.int16]:
    """Return a clip [SAMPLES] with a word in noise.

    Args:
        word: at RATE [n]; what is longer than a clip is cut off.
        noise_ratio_db: signal-to-noise ratio, of the mean powers while the word is spoken.
        random: draws time, loudness and noise.
    """
    word = word[:SAMPLES]
    length = len(word)
    last_start = SAMPLES - length
    start = int(random.integers(0, last_start + 1))
    end = start + length
    loudness_db = random.uniform(*LOUDNESS_DB)
    clip = np.zeros(SAMPLES)
    clip[start:end] = word * _factor(loudness_db)
    energy = np.square(clip).sum()
    power = energy / max(length, 1)
    amplitude = np.sqrt(power)
    noise = make_noise(random)
    noise = noise * amplitude
    noise = noise * _factor(-noise_ratio_db)
    return _to_pcm(clip + noise)


def silence(random: Generator) -> NDArray[np.int16]:
    """Return a clip [SAMPLES] with noise alone."""
    noise = make_noise(random)
    loudness_db = random.uniform(*SILENCE_DB)
    factor = _factor(loudness_db)
    return _to_pcm(noise * factor)


def make_noise(random: Generator) -> NDArray[np.float64]:
    """Return white, pink or brown noise [SAMPLES] with a standard deviation of 1."""
    slope_number = random.integers(len(NOISE_SLOPES))
    slope = NOISE_SLOPES[slope_number]
    white = random.standard_normal(SAMPLES)
    if slope == 0:
        return white
    spectrum = np.fft.rfft(white)
    bins = np.arange(len(spectrum))
    frequencies = np.maximum(bins, 1)
    fall = frequencies**slope
    colored = np.fft.irfft(spectrum / fall, SAMPLES)
    noise: NDArray[np.float64] = colored / colored.std()
    return noise


def _factor(decibels: float) -> float:
    exponent = decibels / 20
    return float(10**exponent)


def _to_pcm(clip: NDArray[np.float64]) -> NDArray[np.int16]:
    levels = np.rint(clip * FULL_SCALE)
    lowest = -FULL_SCALE - 1
    clipped = np.clip(levels, lowest, FULL_SCALE)
    return clipped.astype(np.int16)
