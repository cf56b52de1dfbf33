"""Speak texts with the library of espeak-ng, in a child process.

espeak-ng keeps the phase of its oscillators between utterances, and draws the breath of some voices
from a generator that it seeds by the clock. The same bytes come from one process that speaks the
same utterances in the same order, with the seed set before each.
Interface: https://github.com/espeak-ng/espeak-ng/blob/1.52.0/src/include/espeak-ng/speak_lib.h
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.child_process import child
from edgebake.child_process.limits import Limits
from edgebake.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISTRIBUTION = "espeakng-loader"
PACKAGE = "espeakng_loader"
RATE = 22050  # of the samples, in Hz
LIMITS = Limits(memory_gib=8, seconds=900)
# Values of the library's enumerations.
SYNCHRONOUS = 2  # samples go to a callback, in this thread
UTF8 = 1
SPEED = 1
PITCH = 3
PITCH_RANGE = 4
SUCCESS = 0
SAMPLES = ctypes.POINTER(ctypes.c_short)
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, SAMPLES, ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Utterance:
    """A text, and how it is spoken."""

    text: str
    voice: str  # a language and, behind `+`, a variant
    speed: int  # words per minute
    pitch: int  # 0 to 100
    pitch_range: int  # 0 to 100
    seed: int  # of breath


def package_folder() -> Path:
    """Return the folder of the package with the library and its voices.

    Raises:
        DataError: it is not installed.
    """
    try:
        installed = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise DataError(
            f"data.source: espeak needs the package {DISTRIBUTION}, which is not installed; "
            "expected the extra `audio`: pip install 'edgebake[audio]'"
        ) from None
    return Path(str(installed.locate_file(PACKAGE)))


def library_file() -> Path:
    """Return the library in that folder.

    Raises:
        DataError: it is not installed.
    """
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return package_folder() / f"libespeak-ng.{suffix}"


def speak(utterances: Sequence[Utterance]) -> list[NDArray[np.int16]]:
    """Return the samples [n] of each utterance at RATE, spoken in this order.

    Raises:
        DataError: the library is not installed, or lacks a voice.
    """
    file = library_file()
    subject = child.Subject(
        file=str(file),
        library="espeak-ng",
        error=DataError,
        expected=f"expected the library of the package {DISTRIBUTION}",
    )
    spoken = child.run(LIMITS, subject, speak_here, str(file), list(utterances))
    ends = np.cumsum(spoken["lengths"])
    clips: list[NDArray[np.int16]] = np.split(spoken["samples"], ends[:-1])
    return clips


def speak_here(file: str, utterances: Sequence[Utterance]) -> dict[str, NDArray[Any]]:
    """Return the samples [n] of all utterances, one behind the other, and the length of each.

    Call it once in a process: its state would go on.

    Raises:
        DataError: a voice is unknown.
    """
    spoken: list[NDArray[np.int16]] = []

    def keep(samples: Any, count: int, _: object) -> int:
        if samples and count > 0:  # the library overwrites its buffer
            spoken.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = CALLBACK(keep)
    library = _load(file, callback)
    clips = [np.zeros(0, np.int16)]
    for utterance in utterances:
        spoken.clear()
        _speak_one(library, utterance)
        clips.append(np.concatenate([np.zeros(0, np.int16), *spoken]))
    lengths = np.array([len(clip) for clip in clips[1:]], np.int64)
    return {"samples": np.concatenate(clips), "lengths": lengths}


def _load(file: str, callback: object) -> ctypes.CDLL:
    library = ctypes.CDLL(file)
    folder = str(Path(file).parent)  # with the folder of the voices
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, folder.encode(), 0)
    if rate != RATE:
        raise DataError(f"{file}: espeak-ng speaks at {rate} Hz; expected {RATE}")
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    return library


def _speak_one(library: ctypes.CDLL, utterance: Utterance) -> None:
    if library.espeak_SetVoiceByName(utterance.voice.encode()) != SUCCESS:
        raise DataError(
            f"data.source: espeak-ng has no voice {utterance.voice!r}; "
            "expected a version of espeakng-loader that has"
        )
    settings = {SPEED: utterance.speed, PITCH: utterance.pitch, PITCH_RANGE: utterance.pitch_range}
    for key, value in settings.items():
        library.espeak_SetParameter(key, value, 0)
    library.espeak_ng_SetRandSeed(utterance.seed)
    text = utterance.text.encode() + b"\0"
    library.espeak_Synth(text, len(text), 0, 1, 0, UTF8, None, None)
    library.espeak_Synchronize()
