"""Recipes of one's own sounds, signals and texts, written by `edgebake init`."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest
import yaml

from edgebake.cli.main import main
from edgebake.plan import compose

ORIGIN = ("--data-author", "Ada", "--data-license", "MIT", "--data-source", "own recordings")


def _init(name: str, *arguments: str) -> int:
    return main(["init", name, "--device", "linux_any", *ORIGIN, *arguments])


def _write_table(file: Path, header: list[str], rows: list[list[object]]) -> str:
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return str(file)


@pytest.fixture
def sounds(project: Path) -> str:
    random = np.random.default_rng(0)
    for word in ("no", "yes"):
        folder = Path("data/sounds", word)
        folder.mkdir(parents=True)
        for number in range(10):
            samples = random.integers(-1000, 1000, 800).astype("<i2")
            with wave.open(str(folder / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16_000)
                file.writeframes(samples.tobytes())
    return "data/sounds"


@pytest.fixture
def texts(project: Path) -> str:
    rows: list[list[object]] = []
    for number in range(20):
        rows += [[f"good morning {number}", "en"], [f"guten Morgen {number}", "de"]]
    return _write_table(Path("data/texts.csv"), ["text", "language"], rows)


@pytest.fixture
def windows(project: Path) -> str:
    random = np.random.default_rng(0)
    rows: list[list[object]] = []
    for window in range(40):
        label = "swipe" if window % 2 else "tap"
        for _ in range(8):
            ax, ay = random.normal(size=2)
            rows.append([window, label, f"person {window // 4}", ax, 10 + 2 * ay])
    header = ["window", "label", "person", "ax", "ay"]
    return _write_table(Path("data/windows.csv"), header, rows)


def test_a_folder_of_sounds(sounds: str) -> None:
    assert _init("mine", "--data", sounds) == 0
    (target,) = compose.compose_targets(["mine"])
    assert target.recipe.data.source == "sound_folder"
    assert target.recipe.data.path == "data/sounds"
    assert target.recipe.data.input.kind == "audio"
    assert target.recipe.data.origin.author == "Ada"
    assert target.recipe.model.architecture == "ds_cnn_audio"


def test_the_comment_of_a_recipe_tracks_its_own_file(project: Path) -> None:
    rows: list[list[object]] = [["good morning", "en"], ["guten Morgen", "de"]] * 20
    table = _write_table(Path("data/my words.csv"), ["text", "label"], rows)
    assert _init("mine", "--data", table) == 0
    first_line = Path("recipes/data/mine.yaml").read_text().splitlines()[0]
    assert first_line.endswith("Track it with `dvc add 'data/my words.csv'`.")


def test_a_table_of_texts(texts: str) -> None:
    assert _init("mine", "--data", texts) == 0
    recipe = yaml.safe_load(Path("recipes/data/mine.yaml").read_text())
    assert recipe["source_options"]["label"] == "language"
    assert recipe["splits"]["by"] == "seed"
    (target,) = compose.compose_targets(["mine"])
    assert target.recipe.model.architecture == "byte_cnn"


def test_a_table_of_windows_is_scaled_and_split_by_person(windows: str) -> None:
    assert _init("mine", "--data", windows, "--rate", "50", "--units", "m/s2", "m/s2") == 0
    recipe = yaml.safe_load(Path("recipes/data/mine.yaml").read_text())
    options = recipe["input"]["options"]
    assert (options["rate_hz"], options["samples"], options["hop"]) == (50, 8, 4)
    assert options["channels"] == ["ax", "ay"]
    assert options["mean"] == pytest.approx([0.0, 10.0], abs=0.4)
    assert options["scale"] == pytest.approx([1.0, 0.5], rel=0.15)
    assert recipe["splits"]["by"] == "group"
    assert recipe["splits"]["column"] == "person"
    (target,) = compose.compose_targets(["mine"])
    assert target.recipe.model.architecture == "time_cnn"


def test_a_signal_without_rate_or_units_writes_nothing(
    windows: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init("mine", "--data", windows) == 1
    message = "edgebake: --rate: missing; expected the rows of the table in a second"
    assert capsys.readouterr().err.strip() == message
    assert _init("mine", "--data", windows, "--rate", "50", "--units", "g") == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: --units: g; expected a unit for each channel, in the order ax, ay"
    )
    assert not Path("recipes/data/mine.yaml").exists()


def test_a_table_of_other_columns(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = _write_table(Path("data/table.csv"), ["a", "b"], [[1, 2]])
    assert _init("mine", "--data", table) == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: data/table.csv: has the columns a, b; expected text and label, or window and "
        "label; with other names, copy recipes/data/text_table.yaml or "
        "recipes/data/window_table.yaml, name them there, and give --data that option"
    )


def test_options_of_images_are_refused(texts: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init("mine", "--data", texts, "--color", "rgb") == 1
    message = "edgebake: --color: for images; data/texts.csv holds none"
    assert capsys.readouterr().err.strip() == message


def test_sounds_that_are_not_sorted_by_class(
    sounds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(entry for entry in sorted(Path(sounds).iterdir()) if entry.is_dir())
    name = min(file.name for file in folder.iterdir())
    assert _init("mine", "--data", str(folder)) == 1
    assert capsys.readouterr().err.strip() == (
        f"edgebake: {folder / name}: in no folder of a class; expected {folder / 'CLASS' / name}"
    )


def test_sounds_of_another_format(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/songs/pop").mkdir(parents=True)
    Path("data/songs/pop/1.mp3").write_bytes(b"ID3")
    assert _init("mine", "--data", "data/songs") == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: data/songs/pop/1.mp3: expected WAV or FLAC with one channel of 16 bits, for "
        "example by ffmpeg -i FILE -ac 1 -ar 16000 -c:a pcm_s16le FILE.wav"
    )


def test_a_column_that_is_no_channel(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[list[object]] = [["w1", "tap", "fast", 0.1], ["w2", "rest", "slow", 0.2]]
    table = _write_table(Path("data/w.csv"), ["window", "label", "note", "ax"], rows)
    assert _init("mine", "--data", table, "--rate", "50", "--units", "none", "g") == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: data/w.csv: line 2 holds 'fast' in the column 'note'; expected a finite number; "
        "for a column that is no channel, copy recipes/data/window_table.yaml, name the channels "
        "there, and give --data that option"
    )
