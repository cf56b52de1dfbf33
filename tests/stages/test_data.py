"""Every example is looked at once: splits that share nothing, and nothing that cannot be read."""

import csv
import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.readers.decode import LazyImages
from edgebake.data.sources import digits
from edgebake.errors import DataError
from edgebake.recipe import Data, stage_params
from edgebake.tasks.inputs.image import INPUT
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from tests.stages import alone

COUNT = 40


def numbered(damaged: Collection[int] = (), copies: dict[int, int] | None = None) -> LazyImages:
    """Return images with their number as the only level; some are damaged, some are copies."""

    def read(number: int) -> NDArray[np.uint8]:
        if number in damaged:
            raise DataError(
                f"images/{number}.png: not an image that can be read (empty file); "
                "repair or remove it"
            )
        return np.full((1, 2), (copies or {}).get(number, number), np.uint8)

    return LazyImages(COUNT, read)


def given(
    monkeypatch: pytest.MonkeyPatch, images: LazyImages, splits: list[str] | None = None
) -> None:
    names = [f"{number}.png" for number in range(COUNT)]
    labels = np.arange(COUNT) % 2
    examples = Examples(images, labels, ["even", "odd"], names=names, splits=splits or [])
    source = SimpleNamespace(load=lambda _: examples, INPUT=INPUT)
    monkeypatch.setattr("edgebake.plugins.load", lambda *_: source)


def rows() -> list[dict[str, str]]:
    with (artifacts.folder("data", "digits") / "examples.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_digits_are_split_as_their_recipe_says(params: Path) -> None:
    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        ran = alone.run("data", "digits")
    assert shown[-1] == Progress(1797, 1797, "examples")
    assert (
        ran.line
        == "1,797 examples of 10 classes: train 899, calibration 179, validation 179, test 540; "
        "smallest class: train 87 (8), test 53 (0)"
    )
    found = rows()
    assert Counter(row["split"] for row in found) == {
        "train": 899,
        "test": 540,
        "calibration": 179,
        "validation": 179,
    }
    assert sorted(int(row["number"]) for row in found) == list(range(1797))
    first = found[0]
    image = digits.load(Data()).inputs[int(first["number"])]
    assert first["sha256"] == hashlib.sha256(b"(8, 8)" + image.tobytes()).hexdigest()
    assert first["size"] == "64"


def test_what_a_stage_reads_is_what_was_written(params: Path) -> None:
    alone.run("data", "digits")
    section = stage_params.read_plan()["train"]["digits-ds_cnn"]
    assert section["examples"] == "digits"
    read = dataset.read_split(Data(source="digits", path="unused"), "digits", "test")
    wanted = [row for row in rows() if row["split"] == "test"]
    assert [read.classes[label] for label in read.labels] == [row["label"] for row in wanted]
    assert read.sizes == [64] * 540
    assert len(read.columns["ink"]) == 540


def test_a_damaged_image_stops_the_build(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, numbered({3, 7}))
    with pytest.raises(DataError) as refused:
        alone.run("data", "digits")
    assert sorted(str(refused.value).splitlines()) == [
        f"images/{number}.png: not an image that can be read (empty file); repair or remove it"
        for number in (3, 7)
    ]


def test_of_many_damaged_images_five_are_named_and_the_rest_counted(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, numbered(range(9)))
    with pytest.raises(DataError) as refused:
        alone.run("data", "digits")
    assert str(refused.value).splitlines()[5:] == ["... and 4 more"]


def test_damaged_images_are_skipped_and_counted_if_the_recipe_says_so(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone.set_param("data", "digits", "on_corrupt", value="skip")
    given(monkeypatch, numbered({3, 7}))
    ran = alone.run("data", "digits")
    assert ", 2 skipped; smallest class: " in ran.line
    assert len(ran.json("data.json")["skipped"]) == 2
    assert not {"3", "7"} & {row["number"] for row in rows()}
    assert len(rows()) == COUNT - 2


def test_an_image_in_two_splits_stops_the_build_and_both_are_named(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = ["train"] * 30 + ["calibration"] * 3 + ["validation"] * 3 + ["test"] * 4
    for name, by in (
        ("by", "source"),
        ("train", None),
        ("calibration", None),
        ("validation", None),
        ("test", None),
    ):
        alone.set_param("data", "digits", "splits", name, value=by)
    given(monkeypatch, numbered(copies={38: 5, 10: 11}), splits)
    with pytest.raises(DataError) as refused:
        alone.run("data", "digits")
    # 10 and 11 lie in one split, which is no leak.
    assert str(refused.value) == (
        "data source digits: 1 examples lie in more than one split; expected each in only one: "
        "remove the copies, or set `on_leak: skip`\n5.png (train) = 38.png (test)"
    )
    alone.set_param("data", "digits", "on_leak", value="skip")
    ran = alone.run("data", "digits")
    assert ran.json("data.json")["splits"] == {
        "train": 29,
        "calibration": 3,
        "validation": 3,
        "test": 4,
    }
    assert "5" not in {row["number"] for row in rows()}


def test_splits_of_the_source_are_kept_and_shares_are_drawn_from_its_train(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = ["train"] * 30 + ["test"] * 10
    shares = {"by": "source", "train": None, "calibration": 0.1, "validation": 0.2, "test": None}
    for name, value in shares.items():
        alone.set_param("data", "digits", "splits", name, value=value)
    given(monkeypatch, numbered(), splits)
    ran = alone.run("data", "digits")
    assert ran.json("data.json")["splits"] == {
        "train": 21,
        "calibration": 3,
        "validation": 6,
        "test": 10,
    }
    assert {int(row["number"]) for row in rows() if row["split"] == "test"} == set(range(30, 40))


def test_an_image_that_a_short_side_would_make_huge_is_named(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(number: int) -> NDArray[np.uint8]:
        return np.full((1, 101 if number == 7 else 100), number, np.uint8)

    given(monkeypatch, LazyImages(COUNT, read))
    alone.run("data", "digits")
    for name, value in {"short_side": 32, "crop": "center"}.items():
        alone.set_param("data", "digits", name, value=value)
    with pytest.raises(DataError) as error:
        alone.run("data", "digits")
    assert str(error.value) == (
        "7.png: has 101 x 1 pixels; "
        "expected one side at most 100 times the other, with data.short_side"
    )


def test_a_split_that_skipping_emptied_is_named(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = ["train"] * 36 + ["calibration", "validation", "test", "test"]
    for name, value in {
        "by": "source",
        **dict.fromkeys(("train", "calibration", "validation", "test")),
    }.items():
        alone.set_param("data", "digits", "splits", name, value=value)
    alone.set_param("data", "digits", "on_corrupt", value="skip")
    given(monkeypatch, numbered({36}), splits)
    with pytest.raises(
        DataError,
        match="the split calibration holds no example that can be read; expected at least 1",
    ):
        alone.run("data", "digits")


def test_a_class_without_a_test_example_stops_the_build_before_an_image_is_read(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = ["train"] * 36 + ["calibration", "validation", "train", "test"]
    for name, value in {
        "by": "source",
        **dict.fromkeys(("train", "calibration", "validation", "test")),
    }.items():
        alone.set_param("data", "digits", "splits", name, value=value)
    given(monkeypatch, numbered(range(COUNT)), splits)
    with pytest.raises(DataError, match="test has no example of 1 of 2 classes: 'even'"):
        alone.run("data", "digits")
    given(monkeypatch, numbered(), splits)
    alone.set_param("data", "digits", "untested_classes", value=["even"])
    ran = alone.run("data", "digits")
    assert ran.line.endswith(
        "test 1; smallest class: train 18 (odd), test 1 (odd); 1 without test examples: even"
    )
    assert ran.json("data.json")["untested_classes"] == ["even"]


@pytest.mark.parametrize(
    ("persons", "ending"),
    [
        (10, "; test groups: 3 (person), too few for gates on accuracy, which need 20"),
        (40, "; test groups: 20 (person)"),
    ],
)
def test_the_groups_that_gates_draw_are_counted(
    params: Path, monkeypatch: pytest.MonkeyPatch, persons: int, ending: str
) -> None:
    alone.set_param("data", "digits", "splits", "by", value="group")
    alone.set_param("data", "digits", "splits", "column", value="person")
    alone.set_param("data", "digits", "splits", "test", value=0.5 if persons == 40 else 0.3)
    names = [f"person {number % persons}" for number in range(COUNT)]
    labels = np.arange(COUNT) // persons % 2
    if persons == COUNT:
        labels = np.arange(COUNT) % 2
    examples = Examples(numbered(), labels, ["even", "odd"], columns={"person": names})
    source = SimpleNamespace(load=lambda _: examples, INPUT=INPUT)
    monkeypatch.setattr("edgebake.plugins.load", lambda *_: source)
    ran = alone.run("data", "digits")
    assert ran.line.endswith(ending)
    assert f"test groups: {ran.json('data.json')['test_groups']} (person)" in ran.line


def test_what_is_left_out_is_named(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(COUNT) % 2
    examples = Examples(numbered(), labels, ["even", "odd"], left_out=["README", "a.txt", "b.txt"])
    source = SimpleNamespace(load=lambda _: examples, INPUT=INPUT)
    monkeypatch.setattr("edgebake.plugins.load", lambda *_: source)
    ran = alone.run("data", "digits")
    assert ran.line.endswith(
        "; left out, no examples: 2 with .txt (a.txt, b.txt); 1 with no suffix (README)"
    )
    assert rows()[0]["name"] == f"example {rows()[0]['number']}"


def test_names_do_not_tell_where_the_data_lie(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(COUNT) % 2
    names = [f"/home/ann/{number}.png" for number in range(COUNT)]
    examples = Examples(numbered(), labels, ["even", "odd"], names=names)
    source = SimpleNamespace(load=lambda _: examples, INPUT=INPUT)
    monkeypatch.setattr("edgebake.plugins.load", lambda *_: source)
    alone.run("data", "digits")
    number = rows()[0]["number"]
    assert rows()[0]["name"] == f"{number}.png (example {number})"
