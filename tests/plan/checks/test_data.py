"""Words about data that cannot be meant, each with its message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgebake.plan.checks import data as data_checks
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.recipe import CoreML, Crop, Features, Recipe, SplitBy, Splits, Table
from edgebake.tasks.inputs.image import check as image


@pytest.fixture
def folder(tmp_path: Path, recipe: Recipe) -> Path:
    """Ten pictures of each class to train with and five to test with, which the recipe reads."""
    for split, count in (("train", 10), ("test", 5)):
        for name in ("cats", "dogs"):
            place = tmp_path / split / name
            place.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(np.full((4, 4 + number), 9, np.uint8)).save(place / f"{number}.png")
    recipe.data.source, recipe.data.path = "image_folder", str(tmp_path)
    recipe.data.splits = Splits(SplitBy.source, calibration=0.2, validation=0.2)
    assert recipe.quantize.calibration is not None
    recipe.quantize.calibration.samples = 4
    return tmp_path


def problems(recipe: Recipe) -> list[tuple[str, str]]:
    return list(data_checks.check(recipe))


def test_splits_of_folders_are_sound(folder: Path, recipe: Recipe) -> None:
    assert problems(recipe) == []


def _edit(recipe: Recipe, **words: Any) -> None:
    for word, value in words.items():
        setattr(recipe.data.splits, word, value)


CASES: dict[str, tuple[Callable[[Recipe], None], str, str]] = {
    "no share for a split that is not there": (
        lambda recipe: _edit(recipe, validation=None),
        "data.splits.validation",
        "null, and the data have no such split; expected a share of train, for example 0.1",
    ),
    "a share for a split that is there": (
        lambda recipe: _edit(recipe, test=0.1),
        "data.splits.test",
        "0.1, and the data have such a split, of 10; expected null",
    ),
    "a share of train": (
        lambda recipe: _edit(recipe, train=0.5),
        "data.splits.train",
        "has a share; expected null where `by` is source: train is what is left",
    ),
    "more than all": (
        lambda recipe: _edit(recipe, validation=0.9),
        "data.splits",
        "the shares of train add up to 1.1; expected less than 1",
    ),
    "a share that holds nothing": (
        lambda recipe: _edit(recipe, validation=0.01),
        "data.splits.validation",
        "holds none of the 30 examples; expected at least 1",
    ),
    "more calibration than there is": (
        lambda recipe: setattr(recipe.quantize.calibration, "samples", 5),
        "quantize.calibration.samples",
        "5; expected at most 4, all that the calibration split holds",
    ),
    "a word of another source": (
        lambda recipe: setattr(recipe.data, "features", Features("image", "label")),
        "data.features",
        "has a value; expected null for image_folder: it is an option of tfrecord",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_word_that_cannot_be_meant_is_named(folder: Path, recipe: Recipe, name: str) -> None:
    edit, key, text = CASES[name]
    edit(recipe)
    assert problems(recipe) == [(key, text)]


RESIZE_CASES: dict[str, tuple[Callable[[Recipe], None], str, str]] = {
    "a short side below the model's resolution": (
        lambda recipe: setattr(recipe.data, "short_side", 31),
        "data.short_side",
        "31; expected the model's 32 pixels or more",
    ),
    "a short side of no length": (
        lambda recipe: setattr(recipe.data, "short_side", 0),
        "data.short_side",
        "0; expected 1 to 16,384 pixels, or null",
    ),
    "a short side without a crop": (
        lambda recipe: setattr(recipe.data, "crop", Crop.none),
        "data.crop",
        "none; expected center where data.short_side has a value",
    ),
    "a short side of a model with several sizes": (
        lambda recipe: setattr(recipe.convert, "coreml", CoreML("iOS17", resolutions=[48])),
        "data.short_side",
        "has a value; expected null for a model of several sizes: the crop has one size",
    ),
}


@pytest.mark.parametrize("name", RESIZE_CASES)
def test_a_short_side_that_no_model_can_have_is_named(recipe: Recipe, name: str) -> None:
    recipe.data.crop, recipe.data.short_side = Crop.center, 40
    assert [*image.check_recipe(recipe), *image.check_data(recipe.data)] == []
    edit, key, text = RESIZE_CASES[name]
    edit(recipe)
    assert (key, text) in [*image.check_recipe(recipe), *image.check_data(recipe.data)]
    assert (key, text) in recipe_checks.check(recipe)


def test_shares_by_seed_are_all_there_and_make_a_whole(recipe: Recipe) -> None:
    recipe.data.splits = Splits(SplitBy.seed, train=0.5, calibration=0.1, validation=0.1)
    assert problems(recipe) == [("data.splits.test", "null; expected a share where `by` is seed")]
    recipe.data.splits = Splits(SplitBy.seed, train=0.5, calibration=0.1, validation=0.1, test=0.2)
    assert problems(recipe) == [("data.splits", "the shares add up to 0.9; expected 1")]


def test_groups_have_a_column_that_is_there(folder: Path, recipe: Recipe) -> None:
    recipe.data.source, recipe.data.path = "digits", None
    recipe.data.splits = Splits(SplitBy.group, 0.5, 0.1, 0.1, 0.3)
    problem = "null, and `by` is group; expected the name of a column, for example person"
    assert problems(recipe) == [("data.splits.column", problem)]
    _edit(recipe, column="inc")
    problem = "no column 'inc' in data source digits; expected one of: ink; did you mean 'ink'?"
    assert problems(recipe) == [("data.splits.column", problem)]
    _edit(recipe, column="ink")
    assert problems(recipe) == []
    # Of 1,797 examples, about 179; groups may give more.
    assert recipe.quantize.calibration is not None
    recipe.quantize.calibration.samples = 200
    assert problems(recipe) == []
    _edit(recipe, by=SplitBy.seed)
    problem = "ink, and `by` is seed; expected null, or `by: group`"
    assert problems(recipe) == [("data.splits.column", problem)]


def test_columns_are_patterns_with_one_group(folder: Path, recipe: Recipe) -> None:
    recipe.data.columns = {"person": "([0-9])[.]", "split": "^(.+?)/"}
    assert problems(recipe) == []
    recipe.data.columns = {"person": "[0-9]", "day": ""}
    assert problems(recipe) == [
        ("data.columns.person", "'[0-9]' has 0 groups; expected one in parentheses, the value"),
        ("data.columns.day", "empty; expected where the values of the column are"),
    ]


def test_an_untested_class_is_listed_once(folder: Path, recipe: Recipe) -> None:
    recipe.data.untested_classes = ["cats", "cats"]
    problem = "'cats' is there twice; expected each class once"
    assert problems(recipe) == [("data.untested_classes", problem)]


def test_a_table_is_no_word_of_digits(recipe: Recipe) -> None:
    recipe.data.table = Table("table.csv", "file", None, None)
    assert problems(recipe) == [
        (
            "data.table",
            "has a value; expected null for digits: it is an option of image_folder, sound_folder",
        )
    ]


@pytest.mark.parametrize("name", ["max_megapixels", "max_gigabytes"])
@pytest.mark.parametrize("limit", [0.0, -1.0, 1001.0, float("inf"), float("nan")])
def test_a_limit_of_the_data_is_a_limit(recipe: Recipe, name: str, limit: float) -> None:
    setattr(recipe.data, name, limit)
    assert problems(recipe) == [
        (f"data.{name}", f"{limit:g}; expected more than 0 and at most 1000")
    ]


def test_folders_of_splits_are_not_taken_for_classes(folder: Path, recipe: Recipe) -> None:
    recipe.data.splits = Splits(SplitBy.seed, 0.6, 0.1, 0.1, 0.2)
    ((key, text),) = problems(recipe)
    assert key == "data.path"
    assert text == (
        f"{folder}: its folders test/, train/ are splits; expected `data.splits.by: "
        "source` for them"
    )


def test_data_that_dvc_has_not_fetched_are_waited_for(tmp_path: Path, recipe: Recipe) -> None:
    recipe.data.source, recipe.data.path = "image_folder", str(tmp_path / "images")
    assert [key for key, _ in problems(recipe)] == ["data.path"]
    (tmp_path / "images.dvc").write_text("outs: []\n")
    assert problems(recipe) == []
