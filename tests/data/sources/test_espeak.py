"""Spoken commands: the plan of clips, the same samples in every process, and what is refused."""

import hashlib
import platform
from collections import Counter
from typing import Any

import numpy as np
import pytest

from edgebake.data import dataset
from edgebake.data.sources import espeak
from edgebake.errors import DataError, RecipeError
from edgebake.recipe import Data, DataInput, SplitBy, Splits

FEW: dict[str, Any] = {"voices": 4, "commands": ["yes", "stop"], "clips_of_command": 1}
# Of the samples that espeakng-loader 0.2.4, NumPy and SciPy make on x86-64.
SHA256_OF_FEW = "6645f00883b0b78535b7888db1f0e184d55e3228bf84f698c8aa24a433936803"
SHA256_OF_ALL = "7935b3d4fb3f251c260b35c72ca7e160e2afc8b1ecf61db6080baf0ff3284f22"


def _data(seed: int = 0, **options: Any) -> Data:
    return Data(
        source="espeak",
        path=None,
        seed=seed,
        splits=Splits(SplitBy.group, 0.4, 0.2, 0.2, 0.2, column="voice"),
        input=DataInput("audio", {}),
        source_options=options,
    )


def _sha256(data: Data) -> str:
    digest = hashlib.sha256()
    examples = espeak.load(data)
    for number in range(len(examples.labels)):
        digest.update(np.asarray(examples.inputs[number]).tobytes())
    return digest.hexdigest()


def test_every_voice_speaks_every_command_and_other_words() -> None:
    data = _data(**FEW)
    examples = espeak.load(data)
    assert examples.classes == ["silence", "stop", "unknown", "yes"]
    assert np.bincount(examples.labels).tolist() == [12, 4, 32, 4]
    voices = Counter(examples.columns["voice"])
    assert sorted(voices.values()) == [3, 3, 3, 3, 10, 10, 10, 10]
    assert set(examples.columns) == set(espeak.columns(data))
    assert set(examples.columns["noise"]) == {"quiet", "loud", "only"}
    assert espeak.count(data) == {"": 52}
    assert len(set(examples.names)) == 52


def test_a_clip_is_a_second_at_16_khz() -> None:
    examples = espeak.load(_data(**FEW))
    clip = np.asarray(examples.inputs[0])
    assert clip.shape == (16000,)
    assert clip.dtype == np.int16
    assert np.abs(clip.astype(int)).max() > 500


def test_clips_do_not_depend_on_the_order_in_which_they_are_read() -> None:
    first = espeak.load(_data(**FEW)).inputs
    second = espeak.load(_data(**FEW)).inputs
    numbers = [40, 3, 0]
    backwards = {number: np.asarray(first[number]).tolist() for number in numbers}
    for number in sorted(numbers):
        assert np.asarray(second[number]).tolist() == backwards[number]


def test_another_seed_gives_other_clips() -> None:
    first = espeak.load(_data(seed=0, **FEW)).inputs[0]
    second = espeak.load(_data(seed=1, **FEW)).inputs[0]
    assert np.asarray(first).tolist() != np.asarray(second).tolist()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="espeak-ng computes in floating point")
def test_the_samples_of_few_voices_are_these() -> None:
    assert _sha256(_data(**FEW)) == SHA256_OF_FEW


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="espeak-ng computes in floating point")
def test_the_samples_of_all_voices_are_these() -> None:
    """Guards the clips that the release of spoken commands is trained on.

    Slow: 91 voices speak 4,641 clips.
    """
    assert _sha256(_data()) == SHA256_OF_ALL


def test_no_voice_is_in_two_splits() -> None:
    data = _data(**{**FEW, "voices": 12})
    examples = espeak.load(data)
    splits = dataset.assign_splits(examples, data)
    voices = []
    for indices in splits.values():
        voices.append({examples.columns["voice"][index] for index in indices})
        assert voices[-1]
    assert sum(map(len, voices)) == len(set.union(*voices))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"voices": 500},
            "data.source_options.voices: 500; expected at most 91, which the installed espeak-ng "
            "has",
        ),
        ({"clips_of_command": 0}, "data.source_options.clips_of_command: 0; expected 1 or more"),
        (
            {"commands": ["yes", "bed"]},
            "data.source_options: the word 'bed'; expected each word once in commands and "
            "other_words, and neither unknown nor silence",
        ),
        (
            {"other_words": []},
            "data.source_options.other_words: empty; expected a word, or clips_of_other_words: 0",
        ),
    ],
)
def test_options_that_make_no_clips_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        espeak.count(_data(**options))
    assert str(refused.value) == message


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"^data\.source_options\.voice: "):
        espeak.count(_data(voice=3))


def test_another_rate_is_refused() -> None:
    data = _data(**FEW)
    data.input.options["rate"] = 8000
    with pytest.raises(DataError) as refused:
        espeak.count(data)
    expected = "expected 16,000, at which espeak yields clips"
    assert str(refused.value) == f"data.input.options.rate: 8,000; {expected}"
