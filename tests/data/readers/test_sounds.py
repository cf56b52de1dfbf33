"""Sound files: samples of WAV and FLAC, and why a file cannot be used."""

import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgebake.data.readers import sounds
from edgebake.errors import DataError
from tests.sounds import chunk, format_chunk, riff, tone, wav

RATE = 16000
# KSDATAFORMAT_SUBTYPE_PCM behind the extension of a WAVE_FORMAT_EXTENSIBLE.
EXTENSION = struct.pack("<HHIH", 22, 16, 4, 1) + bytes.fromhex("000000001000800000aa00389b71")
HINT = "; repair or remove it, or set `on_corrupt: skip`"
TONE = tone()


def _flac(samples: object, rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype=subtype)
    return buffer.getvalue()


def _refused(content: bytes, max_seconds: float = 10) -> str:
    """Return the reason in the message."""
    with pytest.raises(DataError) as refused:
        sounds.decode(content, "yes/1.wav", RATE, max_seconds)
    message = str(refused.value)
    start = "yes/1.wav: not a sound that can be read ("
    assert message.startswith(start)
    assert message.endswith(f"){HINT}")
    return message.removeprefix(start).removesuffix(f"){HINT}")


def test_a_wav_file_is_its_samples() -> None:
    samples = sounds.decode(wav(TONE), "a.wav", RATE, 10)
    assert samples.dtype == np.int16
    assert samples.tolist() == TONE.tolist()


def test_chunks_beside_the_samples_are_left_out() -> None:
    content = riff(
        chunk(b"LIST", b"odd"), format_chunk(1, RATE, 1, 16), chunk(b"data", b"\1\0\2\0"), b"id3 "
    )
    assert sounds.decode(content, "a.wav", RATE, 10).tolist() == [1, 2]


def test_the_extensible_format_is_read_on_every_python() -> None:
    content = riff(format_chunk(0xFFFE, RATE, 1, 16, EXTENSION), chunk(b"data", b"\1\0\2\0"))
    assert sounds.decode(content, "a.wav", RATE, 10).tolist() == [1, 2]


def test_a_flac_file_is_its_samples() -> None:
    samples = sounds.decode(_flac(TONE), "a.flac", RATE, 10)
    assert samples.dtype == np.int16
    assert samples.tolist() == TONE.tolist()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (wav(TONE)[:-200], "cut off: 1,500 of 1,600 samples"),
        (wav(TONE)[:40], "cut off: no samples"),
        (wav(TONE)[:30], "cut off: no whole format"),
        (wav(TONE[:0]), "no samples"),
        (wav(TONE, bits=8), "8 bits a sample; expected 16"),
        (wav(TONE, bits=24), "24 bits a sample; expected 16"),
        (wav(TONE, channels=2), "2 channels; expected 1: mix them, or take one"),
        (
            wav(TONE, rate=44100),
            "44,100 Hz; expected 16,000, which data.input.options.rate says: resample it",
        ),
        (
            riff(format_chunk(3, RATE, 1, 32), chunk(b"data", bytes(8))),
            "floating point; expected PCM of 16 bits",
        ),
        (
            riff(format_chunk(9, RATE, 1, 16), chunk(b"data", bytes(8))),
            "the format 9; expected PCM of 16 bits",
        ),
        (riff(chunk(b"data", bytes(8))), "no format before its samples"),
        (b"OggS" + bytes(50), "an Ogg; expected WAV or FLAC"),
        (b"ID3\4" + bytes(50), "an MP3; expected WAV or FLAC"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer: run `git lfs pull`"),
        (b"yes, a text", "no WAV or FLAC, or only a part of one"),
        (_flac(TONE, subtype="PCM_24"), "PCM_24; expected 16 bits a sample"),
        (_flac(np.stack([TONE, TONE], 1)), "2 channels; expected 1: mix them, or take one"),
        (
            _flac(TONE, rate=8000),
            "8,000 Hz; expected 16,000, which data.input.options.rate says: resample it",
        ),
    ],
)
def test_what_is_no_mono_pcm_of_16_bits_and_of_the_rate_is_refused(
    content: bytes, reason: str
) -> None:
    assert _refused(content) == reason


def test_a_flac_file_without_its_end_is_refused() -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 40_000, np.int16)
    assert _refused(_flac(noise)[:30_000])


def test_a_sound_that_is_too_long_is_refused() -> None:
    expected = "longer than 0.05 s; expected less, or more in data.source_options.max_seconds"
    assert _refused(wav(TONE), max_seconds=0.05) == expected
    assert _refused(_flac(TONE), max_seconds=0.05) == expected


def test_an_hour_of_silence_in_a_small_file_is_not_decoded() -> None:
    hour = _flac(np.zeros(3600 * 8000, np.int16), rate=8000)
    assert len(hour) < 200_000
    tracemalloc.start()
    with pytest.raises(DataError, match="longer than 2 s"):
        sounds.decode(hour, "a.flac", 8000, 2)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_a_file_is_not_read_whose_bytes_are_too_many(tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    with file.open("wb") as content:
        content.truncate(10**10)
    with pytest.raises(DataError) as refused:
        sounds.read_file(file, RATE, max_seconds=2)
    expected = "expected at most 1,112,576, for 2 s: raise data.source_options.max_seconds"
    assert str(refused.value) == f"{file}: 10,000,000,000 bytes; {expected}"


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(a folder\); repair"):
        sounds.read_file(tmp_path, RATE, 2)
    with pytest.raises(DataError, match=r"\(No such file or directory\); repair"):
        sounds.read_file(tmp_path / "a.wav", RATE, 2)
