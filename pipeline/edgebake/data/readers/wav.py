"""Read WAV files: PCM of 16 bits, RIFF.

Format: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html. The `wave` of Python
3.11 refuses WAVE_FORMAT_EXTENSIBLE, that of 3.12 reads it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIFF = b"RIFF"
WAVE = b"WAVE"
PCM = 1
EXTENSIBLE = 0xFFFE  # its format stands in the first two bytes of a GUID
FORMATS = {3: "floating point", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}
FORMAT_BYTES = 16
GUID_AT = 24
BITS = 16


class SoundError(Exception):
    """Why the content of a file is no sound that can be read."""


@dataclass(frozen=True)
class Sound:
    """The samples of a file."""

    rate: int  # in Hz
    samples: "NDArray[np.int16]"  # [n]


def is_wav(content: bytes) -> bool:
    """Return whether a file begins as a WAV file."""
    return content[:4] == RIFF and content[8:12] == WAVE


def read(content: bytes) -> Sound:
    """Return the samples of a WAV file with one channel of 16 bits.

    Raises:
        SoundError: it has another format, or its end is missing.
    """
    rate = None
    for name, size, chunk in _chunks(content):
        if name == b"fmt ":
            rate = _read_format(chunk)
        if name == b"data":
            if rate is None:
                raise SoundError("no format before its samples")
            if len(chunk) < size:
                raise SoundError(f"cut off: {len(chunk) // 2:,} of {size // 2:,} samples")
            whole = chunk[: size // 2 * 2]
            return Sound(rate, np.frombuffer(whole, "<i2").astype(np.int16))
    raise SoundError("cut off: no samples")


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield the name, the stated size and the content of each chunk."""
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        start = position + 8
        yield name, size, content[start : start + size]
        position = start + size + size % 2


def _read_format(chunk: bytes) -> int:
    """Return the rate of a format that can be read.

    Raises:
        SoundError: it is another one.
    """
    if len(chunk) < FORMAT_BYTES:
        raise SoundError("cut off: no whole format")
    format_, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if format_ == EXTENSIBLE and len(chunk) >= GUID_AT + 2:
        (format_,) = struct.unpack_from("<H", chunk, GUID_AT)
    if format_ != PCM:
        name = FORMATS.get(format_, f"the format {format_}")
        raise SoundError(f"{name}; expected PCM of {BITS} bits")
    if bits != BITS:
        raise SoundError(f"{bits} bits a sample; expected {BITS}")
    refuse_channels(channels)
    return int(rate)


def refuse_channels(channels: int) -> None:
    """Refuse sounds of several channels: which of them an app would record is not known.

    Raises:
        SoundError: there is more or less than one.
    """
    if channels != 1:
        raise SoundError(f"{channels} channels; expected 1: mix them, or take one")
