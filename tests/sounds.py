"""Sound files for tests."""

import struct

import numpy as np
from numpy.typing import NDArray


def tone(samples: int = 1600, rate: int = 16000, hertz: float = 440) -> NDArray[np.int16]:
    """Return a tone, int16 [samples]."""
    angles = 2 * np.pi * hertz * np.arange(samples) / rate
    levels: NDArray[np.int16] = np.rint(9000 * np.sin(angles)).astype(np.int16)
    return levels


def wav(samples: NDArray[np.int16], rate: int = 16000, channels: int = 1, bits: int = 16) -> bytes:
    """Return a WAV file of PCM."""
    data = samples.astype("<i2").tobytes()
    return riff(format_chunk(1, rate, channels, bits), chunk(b"data", data))


def riff(*chunks: bytes) -> bytes:
    """Return a RIFF file of chunks."""
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def format_chunk(format_: int, rate: int, channels: int, bits: int, rest: bytes = b"") -> bytes:
    """Return the chunk with the format of the samples."""
    frame = channels * bits // 8
    fields = struct.pack("<HHIIHH", format_, channels, rate, rate * frame, frame, bits)
    return chunk(b"fmt ", fields + rest)
