"""Recognize, by shape and type of numbers, what a model takes if it takes no images.

The sizes are those of common front ends: windows of an accelerometer and gyroscope, sounds at
8,000 Hz and more, spectra of 10 to 128 bands.
"""

from collections.abc import Sequence

from edgebake.terminal.printable import printable

NUMBERS = ("float", "bfloat", "int", "uint", "double")
FEWEST_SAMPLES = 4_000  # of a sound: half a second at 8,000 Hz
MOST_CHANNELS = 16  # of a signal
BANDS = (10, 13, 20, 26, 32, 40, 64, 80, 96, 128)  # of a spectrum
FEWEST_FRAMES, MOST_FRAMES = 20, 1_000
OF_SOUNDS = (
    "edgebake computes spectra itself: `edgebake init NAME --data FOLDER` with a folder of sounds, "
    "and without --model, trains a network of them"
)

Shape = Sequence[int | str | None]


def of(shape: Shape, dtype: str) -> str | None:
    """Return what an input takes, for people; None if its shape and type do not tell.

    Args:
        shape: of the input, batch first; None or a name for an open size.
        dtype: name of its type of numbers.
    """
    if not dtype.startswith(NUMBERS):
        return f"values of the type {printable(dtype)}, such as text"
    sizes = shape[1:]
    if dtype.startswith("int") and len(sizes) in (0, 1):
        return "whole numbers, such as token ids"
    if len(sizes) == 1 and _is_number(sizes[0], FEWEST_SAMPLES):
        return f"{sizes[0]:,} samples of a sound"
    return _of_rows(shape)


def _of_rows(shape: Shape) -> str | None:
    """Return what rows of numbers are: spectra, or a signal; None if their sizes do not tell."""
    sizes = shape[1:]
    is_window = len(sizes) == 2 and _is_number(sizes[1], 1, MOST_CHANNELS)
    spectra = spectrum(shape)
    if spectra is not None:
        return f"{spectra}, or windows of a signal" if is_window else spectra
    if is_window:
        return f"windows of a signal: {_steps(sizes[0])} of {sizes[1]} numbers each"
    return None


def spectrum(shape: Shape) -> str | None:
    """Return which spectra an input of this shape could be; None if none.

    MFCC and log-mel spectra of a sound have the axes of a gray picture, [n, frames, bands, 1] or
    [n, 1, frames, bands], or no axis of channels, [n, frames, bands].
    """
    sizes = list(shape[1:])
    if len(sizes) == 3 and 1 in (sizes[0], sizes[2]):
        sizes.remove(1)
    if len(sizes) != 2:
        return None
    frames, bands = sizes
    if frames == bands or bands not in BANDS:
        return None
    if not _is_number(frames, FEWEST_FRAMES, MOST_FRAMES):
        return None
    return f"{frames} spectra of {bands} bands, such as MFCC of a sound"


def _is_number(size: int | str | None, least: int, most: int | None = None) -> bool:
    if not isinstance(size, int) or size < least:
        return False
    return most is None or size <= most


def _steps(size: int | str | None) -> str:
    return f"{size} steps" if isinstance(size, int) else "any number of steps"
