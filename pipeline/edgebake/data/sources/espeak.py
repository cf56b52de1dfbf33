"""Commands of one word, spoken by the voices of espeak-ng in noise, at 16 kHz.

Every command of `source_options` is a class. `unknown` has other words, `silence` noise alone. The
column `voice` names who speaks: with `splits: { by: group, column: voice }`, no voice is in two
splits. The same seed and the same versions of the packages give the same samples, on machines of
one kind: espeak-ng computes in floating point.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import espeak_library, labels, spoken_clips
from edgebake.data.readers.espeak_library import Utterance
from edgebake.errors import DataError
from edgebake.recipe import Data, plugin_options
from edgebake.recipe.data import ImportedComponent
from edgebake.tasks.inputs.audio import options as audio_options

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ("espeakng-loader", "scipy")
WORDS = ()
KIND = "audio"
KEY = "data.source_options"
LISTS_LABELS = True
# It runs where the data are made, and is not shipped. The wheel's metadata name no license.
INGREDIENTS = (
    ImportedComponent(
        name="espeak-ng, which spoke the training data",
        author="Jonathan Duddington, Reece H. Dunn and the contributors of eSpeak NG",
        license="GPL-3.0-or-later",
        source="https://github.com/espeak-ng/espeak-ng/tree/1.52.0",
        kind="code",
    ),
)
# Those of MLPerf Tiny and of Speech Commands: https://arxiv.org/abs/1804.03209
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHER_WORDS = (
    *("bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("backward", "forward", "follow", "learn", "visual"),
)
UNKNOWN = "unknown"
SILENCE = "silence"
# Languages of espeak-ng with English words. Their accents differ.
ACCENTS = (
    *("en", "en-us", "en-gb-scotland", "en-029"),
    *("en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc"),
)
# Variants that no person sounds like.
EFFECTS = ("Demonic", "UniRobot", "anikaRobot", "fast", "robosoft")
VARIANTS = "espeak-ng-data/voices/!v"
MOST_CLIPS = 1000  # of a kind by each voice
SPEED = (120, 230)  # words per minute
PITCH = (25, 80)  # of 100
PITCH_RANGE = (20, 80)  # of 100
NOISE_RATIO_DB = (5.0, 30.0)
QUIET_DB = 17.5  # the column `noise` is quiet from here on


@dataclass
class Options:
    """Options of `data.source_options`."""

    # Words that are a class each.
    commands: list[str] = field(default_factory=lambda: list(COMMANDS))
    # Words of the class `unknown`.
    other_words: list[str] = field(default_factory=lambda: list(OTHER_WORDS))
    # Number of voices that speak; null: all that the installed espeak-ng has.
    voices: int | None = None
    # Clips of each command by each voice.
    clips_of_command: int = 4
    # Clips of the class `unknown` by each voice.
    clips_of_other_words: int = 8
    # Clips of the class `silence` for each voice.
    clips_of_silence: int = 3


@dataclass(frozen=True)
class Clip:
    """A clip, before it is spoken."""

    label: str
    voice: str  # a variant of espeak-ng; of a clip without a word, a name of its own
    accent: str
    noise_ratio_db: float
    utterance: Utterance | None  # None: noise alone

    @property
    def noise(self) -> str:
        """Return how loud the noise is, for slices."""
        if self.utterance is None:
            return "only"
        if self.noise_ratio_db >= QUIET_DB:
            return "quiet"
        return "loud"


def count(data: Data) -> dict[str, int]:
    """Return the number of clips, which have no splits of their own.

    Raises:
        DataError: an option is wrong, or espeak-ng is not installed.
    """
    labels.check_splits(data, [], "clips that do")
    clips = _plan(data)
    return {"": len(clips)}


def bundled_file() -> Path:
    """Return the library that speaks, in the installed espeakng-loader."""
    return espeak_library.library_file()


def columns(_: Data) -> list[str]:
    """Return the columns: who speaks, with which accent, and how loud the noise is."""
    return ["voice", "accent", "noise"]


def load(data: Data) -> Examples:
    """Return all clips, int16 [16000] each; they are spoken when the first is read.

    Raises:
        DataError: an option is wrong, or espeak-ng is not installed.
    """
    from edgebake.data.dataset import Examples
    from edgebake.data.lazy import LazySequence

    count(data)
    clips = _plan(data)
    classes, indices = labels.encode_names(data, [clip.label for clip in clips])
    spoken = functools.cache(lambda: _speak(clips))

    def read(index: int) -> NDArray[np.int16]:
        random = np.random.default_rng([data.seed, index])
        word = spoken()[index]
        if word is None:
            return spoken_clips.silence(random)
        resampled = spoken_clips.resample(word)
        return spoken_clips.place(resampled, clips[index].noise_ratio_db, random)

    return Examples(
        LazySequence(len(clips), read),
        np.array(indices, np.int64),
        classes,
        columns={
            "voice": [clip.voice for clip in clips],
            "accent": [clip.accent for clip in clips],
            "noise": [clip.noise for clip in clips],
        },
        names=[_name(number, clip) for number, clip in enumerate(clips)],
        splits=[""] * len(clips),
    )


def _name(number: int, clip: Clip) -> str:
    if clip.utterance is None:
        return f"{number} {clip.voice}"
    return f"{number} {clip.utterance.text} {clip.utterance.voice}"


def _speak(clips: list[Clip]) -> list[NDArray[np.int16] | None]:
    """Return the word of each clip, at the rate of espeak-ng; None for noise alone."""
    utterances = [clip.utterance for clip in clips if clip.utterance is not None]
    words = iter(espeak_library.speak(utterances))
    return [None if clip.utterance is None else next(words) for clip in clips]


def _plan(data: Data) -> list[Clip]:
    """Return the clips in the order in which they are spoken."""
    options = plugin_options.typed(data.source_options, Options, KEY)
    _check(options)
    rate = audio_options.read(data).rate
    if rate != spoken_clips.RATE:
        expected = f"expected {spoken_clips.RATE:,}, at which {data.source} yields clips"
        raise DataError(f"{audio_options.KEY}.rate: {rate:,}; {expected}")
    random = np.random.default_rng(data.seed)
    voices = _choose_voices(options, random)
    clips: list[Clip] = []
    for voice in voices:
        clips += _clips_of_voice(voice, options, random)
    for number in range(len(voices)):
        name = f"noise {number}"
        silence = Clip(SILENCE, name, "none", 0.0, None)
        clips += [silence] * options.clips_of_silence
    return clips


def _clips_of_voice(voice: str, options: Options, random: Generator) -> Iterator[Clip]:
    for command in options.commands:
        for _ in range(options.clips_of_command):
            yield _draw(command, command, voice, random)
    for _ in range(options.clips_of_other_words):
        word_number = random.integers(len(options.other_words))
        word = options.other_words[word_number]
        yield _draw(word, UNKNOWN, voice, random)


def _draw(word: str, label: str, voice: str, random: Generator) -> Clip:
    """Return a clip with an accent, a tempo, a pitch and a noise that are drawn."""
    accent_number = random.integers(len(ACCENTS))
    accent = ACCENTS[accent_number]
    speed = random.integers(*SPEED)
    pitch = random.integers(*PITCH)
    pitch_range = random.integers(*PITCH_RANGE)
    seed = random.integers(1 << 30)
    utterance = Utterance(
        text=word,
        voice=f"{accent}+{voice}",
        speed=int(speed),
        pitch=int(pitch),
        pitch_range=int(pitch_range),
        seed=int(seed),
    )
    noise_ratio_db = float(random.uniform(*NOISE_RATIO_DB))
    return Clip(label, voice, accent, noise_ratio_db, utterance)


def _choose_voices(options: Options, random: Generator) -> list[str]:
    """Return the variants of the installed espeak-ng that speak, in an order that is drawn.

    Raises:
        DataError: there are fewer than the recipe asks for.
    """
    folder = espeak_library.package_folder() / VARIANTS
    names = [file.name for file in folder.iterdir()]
    variants = [name for name in names if _is_person(name)]
    variants.sort()
    order = random.permutation(len(variants))
    shuffled = [variants[number] for number in order]
    if options.voices is not None and options.voices > len(shuffled):
        raise DataError(
            f"{KEY}.voices: {options.voices}; expected at most {len(shuffled)}, "
            "which the installed espeak-ng has"
        )
    return shuffled[: options.voices]


def _is_person(variant: str) -> bool:
    """Return whether a variant sounds like a person, and its name can be given to espeak-ng."""
    return " " not in variant and not variant.startswith(EFFECTS)


def _check(options: Options) -> None:
    """Refuse options that no clips can be made of.

    Raises:
        DataError: one is wrong.
    """
    words = [*options.commands, *options.other_words]
    for word in words:
        if not word.strip() or words.count(word) > 1 or word in (UNKNOWN, SILENCE):
            raise DataError(
                f"{KEY}: the word {word!r}; expected each word once in commands and other_words, "
                f"and neither {UNKNOWN} nor {SILENCE}"
            )
    if options.clips_of_other_words and not options.other_words:
        raise DataError(f"{KEY}.other_words: empty; expected a word, or clips_of_other_words: 0")
    fewest = {"voices": 1, "clips_of_command": 1, "clips_of_other_words": 0, "clips_of_silence": 0}
    for name, lowest in fewest.items():
        number = getattr(options, name)
        if number is not None and number < lowest:
            raise DataError(f"{KEY}.{name}: {number}; expected {lowest} or more")
        if number is not None and number > MOST_CLIPS:
            raise DataError(f"{KEY}.{name}: {number:,}; expected at most {MOST_CLIPS:,}")
