"""Read FLAC files by libsndfile, which the extra `audio` brings."""

import io
from typing import Any

from edgebake.data.readers.wav import BITS, Sound, SoundError, refuse_channels
from edgebake.errors import DataError

FLAC = b"fLaC"
SUBTYPE = f"PCM_{BITS}"
UNKNOWN_LENGTH = 2**62  # libsndfile says 2^63 - 1 where the file does not state its length


def is_flac(content: bytes) -> bool:
    """Return whether a file begins as a FLAC file."""
    return content[:4] == FLAC


def read(content: bytes, name: str, most_samples: int) -> Sound:
    """Return the samples of a FLAC file with one channel of 16 bits.

    Args:
        content: of the file.
        name: of the file in messages.
        most_samples: that are decoded, and one more: silence takes next to no bytes.

    Raises:
        SoundError: it has another format, or its end is missing.
        DataError: the package that reads it is not installed.
    """
    soundfile = _import_soundfile(name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.subtype != SUBTYPE:
                raise SoundError(f"{file.subtype}; expected {BITS} bits a sample")
            refuse_channels(file.channels)
            samples = file.read(most_samples + 1, dtype="int16")
            stated = min(file.frames, most_samples + 1)
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise SoundError(" ".join(str(error).split()).rstrip(".")) from None
    if len(samples) < stated and file.frames < UNKNOWN_LENGTH:
        raise SoundError(f"cut off: {len(samples):,} of {file.frames:,} samples")
    return Sound(rate, samples)


def _import_soundfile(name: str) -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: its library does not load
        raise DataError(
            f"{name}: FLAC needs the package soundfile, which is not installed; "
            "expected the extra `audio`: pip install 'edgebake[audio]', or WAV files"
        ) from None
    return soundfile
