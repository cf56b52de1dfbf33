"""A folder of sounds: classes, splits, tables, and what cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgebake.data.sources import sound_folder
from edgebake.errors import DataError
from edgebake.recipe import Data, DataInput, SplitBy, Splits, Table
from tests.sounds import tone, wav


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Two sounds of `no`, and a FLAC of `yes`."""
    (tmp_path / "yes").mkdir()
    (tmp_path / "no").mkdir()
    soundfile.write(tmp_path / "yes/ann_1.flac", tone(300), 16000, subtype="PCM_16")
    (tmp_path / "no/bob_2.wav").write_bytes(wav(tone(200)))
    (tmp_path / "no/ann_1.WAV").write_bytes(wav(tone(100)))
    (tmp_path / "README.md").write_text("mine")
    return Data(
        source="sound_folder",
        path=str(tmp_path),
        splits=Splits(SplitBy.seed),
        input=DataInput("audio", {}),
    )


def test_folders_are_classes_and_files_their_sounds(data: Data) -> None:
    examples = sound_folder.load(data)
    assert examples.classes == ["no", "yes"]
    assert examples.labels.tolist() == [0, 0, 1]
    assert examples.names == ["no/ann_1.WAV", "no/bob_2.wav", "yes/ann_1.flac"]
    sounds = [np.asarray(examples.inputs[number]) for number in range(3)]
    assert [len(sound) for sound in sounds] == [100, 200, 300]
    assert sounds[2].dtype == np.int16
    assert sounds[2].tolist() == tone(300).tolist()
    assert examples.left_out == ["README.md"]
    assert sound_folder.count(data) == {"": 3}


def test_speakers_come_from_the_paths(data: Data) -> None:
    data.columns = {"speaker": "([a-z]+)_[0-9]"}
    assert sound_folder.columns(data) == ["speaker"]
    assert sound_folder.load(data).columns == {"speaker": ["ann", "bob", "ann"]}


def test_a_table_gives_labels_and_columns(data: Data) -> None:
    rows = ["path,word,room", "no/ann_1.WAV,a,x", "no/bob_2.wav,b,y", "yes/ann_1.flac,b,x"]
    (data.location / "table.csv").write_text("\n".join(rows))
    data.table = Table("table.csv", "path", "word", None)
    examples = sound_folder.load(data)
    assert examples.classes == ["a", "b"]
    assert examples.labels.tolist() == [0, 1, 1]
    assert examples.columns == {"room": ["x", "y", "x"]}


def test_a_file_of_another_rate_names_the_option(data: Data) -> None:
    file = data.location / "no/bob_2.wav"
    file.write_bytes(wav(tone(200), rate=44100))
    examples = sound_folder.load(data)
    with pytest.raises(DataError) as refused:
        examples.inputs[1]
    assert str(refused.value) == (
        f"{file}: not a sound that can be read (44,100 Hz; expected 16,000, which "
        "data.input.options.rate says: resample it); repair or remove it, or set "
        "`on_corrupt: skip`"
    )


def test_a_folder_of_other_files_is_refused(data: Data) -> None:
    (data.location / "no/song.mp3").write_bytes(b"ID3")
    with pytest.raises(DataError) as refused:
        sound_folder.count(data)
    assert str(refused.value) == (
        f"{data.path}: files of other kinds: 1 with .mp3 (no/song.mp3); "
        "expected .flac, .wav: convert or remove them"
    )


def test_a_folder_without_sounds_is_refused(tmp_path: Path) -> None:
    data = Data(source="sound_folder", path=str(tmp_path), splits=Splits(SplitBy.seed))
    with pytest.raises(DataError) as refused:
        sound_folder.count(data)
    expected = "expected one sub-folder per class with .flac, .wav files"
    assert str(refused.value) == f"{tmp_path}: no sounds; {expected}"
