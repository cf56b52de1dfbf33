"""Read sound files to samples, int16 [n]: WAV and FLAC with one channel of 16 bits.

Nothing is converted. What a model hears in training has to be what an app records, and apps have
other resamplers: files of another rate, with several channels or other samples are errors.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.data.readers import flac, wav
from edgebake.data.readers.wav import Sound, SoundError
from edgebake.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE_KEY = "data.input.options.rate"
SECONDS_KEY = "data.source_options.max_seconds"
EXPECTED = "expected WAV or FLAC"
# First bytes of files that are often taken for sounds.
SIGNATURES = {
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
    b"OggS": f"an Ogg; {EXPECTED}",
    b"ID3": f"an MP3; {EXPECTED}",
    b"\xff\xfb": f"an MP3; {EXPECTED}",
    b"FORM": f"an AIFF; {EXPECTED}",
    b"RIFX": f"a WAV in another byte order; {EXPECTED}",
    b"RF64": f"a WAV of more than 4 GiB; {EXPECTED}",
}
SAMPLE_BYTES = 2
METADATA_BYTES = 1 << 20  # that a file may have beside its samples


def read_file(file: Path, rate: int, max_seconds: float) -> NDArray[np.int16]:
    """Return the samples [n] of a file.

    Args:
        file: WAV or FLAC, judged by its content.
        rate: that it has to have, in Hz.
        max_seconds: that are read.

    Raises:
        DataError: the file cannot be read, is not a whole sound, or is too long.
    """
    most_bytes = int(max_seconds * rate) * SAMPLE_BYTES + METADATA_BYTES
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _error(str(file), "a folder" if file.is_dir() else "not a file")
        if status.st_size > most_bytes:
            raise DataError(
                f"{file}: {status.st_size:,} bytes; expected at most {most_bytes:,}, for "
                f"{max_seconds:g} s: raise {SECONDS_KEY}"
            )
        content = file.read_bytes()
    except OSError as error:
        raise _error(str(file), str(error.strerror)) from None
    return decode(content, str(file), rate, max_seconds)


def decode(content: bytes, name: str, rate: int, max_seconds: float) -> NDArray[np.int16]:
    """Return the samples [n] of a WAV or FLAC file's content.

    Raises:
        DataError: it is not a whole sound of this rate, or is too long.
    """
    most_samples = int(max_seconds * rate)
    try:
        sound = _decode(content, name, most_samples)
    except SoundError as error:
        raise _error(name, str(error)) from None
    count = len(sound.samples)
    if not count:
        raise _error(name, "no samples")
    if sound.rate != rate:
        expected = f"expected {rate:,}, which {RATE_KEY} says: resample it"
        raise _error(name, f"{sound.rate:,} Hz; {expected}")
    if count > most_samples:
        raise _error(
            name, f"longer than {max_seconds:g} s; expected less, or more in {SECONDS_KEY}"
        )
    return sound.samples


def _decode(content: bytes, name: str, most_samples: int) -> Sound:
    if not content:
        raise SoundError("empty file")
    if wav.is_wav(content):
        return wav.read(content)
    if flac.is_flac(content):
        return flac.read(content, name, most_samples)
    for signature, description in SIGNATURES.items():
        if content.startswith(signature):
            raise SoundError(description)
    raise SoundError("no WAV or FLAC, or only a part of one")


def _error(name: str, reason: str) -> DataError:
    return DataError(
        f"{name}: not a sound that can be read ({reason}); repair or remove it, or set "
        "`on_corrupt: skip`"
    )
