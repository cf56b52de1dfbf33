"""Options of `data.input.options` for sounds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import Problem
from edgebake.recipe import Data, plugin_options
from edgebake.tasks.inputs.audio.mel import empty_bands, mel_matrix

KEY = "data.input.options"
MAX_RATE = 192_000
MAX_SAMPLES = 1_920_000  # of a clip: 10 s at MAX_RATE
MAX_FFT = 8192
MAX_BANDS = 512


@dataclass
class AudioOptions:
    """Options of a sound as input: a clip of PCM as the logarithms of its mel bands."""

    # Samples per second that the app records, in Hz. Files of another rate are not converted.
    rate: int = 16000
    # Samples of a clip: what the model hears at once. Shorter sounds get zeros behind.
    samples: int = 16000
    # Samples from the beginning of a clip to that of the next, where the app listens to a stream.
    hop: int = 8000
    # Samples of a frame, of which a spectrum is computed.
    frame_samples: int = 480
    # Samples from the beginning of a frame to that of the next.
    frame_hop: int = 320
    # Length of the Fourier transform, a power of two; zeros follow a shorter frame.
    fft: int = 512
    # Number of mel bands.
    bands: int = 40
    # Frequency at which the lowest band begins, in Hz.
    lowest_hz: float = 20.0
    # Frequency at which the highest band ends, in Hz.
    highest_hz: float = 7600.0
    # Number that is added before the logarithm, so that silence has one.
    log_plus: float = 1.0e-06
    # Mean that is subtracted from the logarithms.
    mean: float = -3.3
    # Factor of the input, (logarithm - mean) * scale.
    scale: float = 0.27

    @property
    def frames(self) -> int:
        """Return the number of frames of a clip."""
        return (self.samples - self.frame_samples) // self.frame_hop + 1


def read(data: Data) -> AudioOptions:
    """Return the options of a dataset of sounds.

    Raises:
        RecipeError: one is unknown, or of another type.
    """
    return plugin_options.typed(data.input.options, AudioOptions, KEY)


def problems(options: AudioOptions) -> Iterator[Problem]:
    """Yield each value that no input can be made with."""
    ranges = {
        "rate": (1, MAX_RATE),
        "samples": (1, MAX_SAMPLES),
        "hop": (1, MAX_SAMPLES),
        "frame_samples": (1, options.samples),
        "frame_hop": (1, options.samples),
        "fft": (options.frame_samples, MAX_FFT),
        "bands": (1, MAX_BANDS),
    }
    before = 0
    for name, (lowest, highest) in ranges.items():
        value = getattr(options, name)
        if not lowest <= value <= highest:
            before += 1
            yield f"{KEY}.{name}", f"{value:,}; expected {lowest:,} to {highest:,}"
    if options.fft & (options.fft - 1):
        before += 1
        yield f"{KEY}.fft", f"{options.fft:,}; expected a power of two"
    for name in ("log_plus", "scale"):
        value = getattr(options, name)
        if value <= 0:
            yield f"{KEY}.{name}", f"{value:g}; expected more than 0"
    if before == 0:
        yield from _band_problems(options)


def _band_problems(options: AudioOptions) -> Iterator[Problem]:
    """Yield why the bands do not fit the frequencies that a sound of the rate has."""
    highest = options.rate / 2
    if not 0 <= options.lowest_hz < options.highest_hz <= highest:
        span = f"{options.lowest_hz:g} to {options.highest_hz:g} Hz"
        expected = f"expected a range within 0 to {highest:g}, half of the rate"
        yield f"{KEY}.highest_hz", f"the bands span {span}; {expected}"
        return
    empty = empty_bands(matrix_of(options))
    if empty:
        distance = f"{options.rate / options.fft:g} Hz"
        expected = "expected fewer, or a longer fft"
        yield (
            f"{KEY}.bands",
            f"{options.bands}, of which {len(empty)} lie between the frequencies of the "
            f"spectrum, {distance} apart; {expected}",
        )


def matrix_of(options: AudioOptions) -> NDArray[np.float32]:
    """Return the matrix from power spectrum to mel bands, [bins, bands]."""
    return mel_matrix(
        options.rate, options.fft, options.bands, options.lowest_hz, options.highest_hz
    )
