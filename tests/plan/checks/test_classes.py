"""Classes that a split lacks are named before a build begins."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgebake.cli.main import main
from edgebake.plan.checks import classes
from edgebake.recipe import Color, Data, SplitBy, Splits

SPLITS = Splits(SplitBy.seed, 0.6, 0.1, 0.1, 0.2)
DIGITS = Splits(SplitBy.group, 0.5, 0.1, 0.1, 0.3, column="ink")


def _folder(folder: Path, **sizes: int) -> Data:
    for name, size in sizes.items():
        (folder / name).mkdir()
        for number in range(size):
            Image.fromarray(np.full((4, 4 + number), 9, np.uint8)).save(
                folder / name / f"{number}.png"
            )
    return Data("image_folder", str(folder), Color.rgb, seed=0, splits=SPLITS)


def test_a_class_of_one_image_has_no_test_image(tmp_path: Path) -> None:
    data = _folder(tmp_path, nine=1, zero=24, one=24, two=24)
    assert classes.find_problem(data) == (
        f"{tmp_path}: test has no example of 1 of 4 classes: 'nine' (1 in all); expected every "
        "class in train and in test: add examples of it, or list it in data.untested_classes"
    )
    data.untested_classes = ["nine"]
    assert classes.find_problem(data) == ""


def test_200_classes_of_5_images_are_sound(tmp_path: Path) -> None:
    data = _folder(tmp_path, **{f"class{number:03}": 5 for number in range(200)})
    assert classes.find_problem(data) == ""


def test_labels_without_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    data = _folder(tmp_path / "pets", cat=9, dog=9)
    data.labels = str(tmp_path / "labels.txt")
    Path(data.labels).write_text("cat\ndog\nfox\n")
    assert "test has no example of 1 of 3 classes: 'fox' (0 in all)" in classes.find_problem(data)


def test_groups_are_counted() -> None:
    problem = classes.find_problem(Data("digits", None, seed=0, splits=DIGITS))
    assert problem == (
        "data.splits.column: 'ink' has 3 groups (heavy, light, medium); "
        "expected at least 4, one for each split that is drawn"
    )


def test_data_that_dvc_has_not_fetched_are_waited_for(tmp_path: Path) -> None:
    data = Data("image_folder", str(tmp_path / "none"), Color.rgb, seed=0, splits=SPLITS)
    assert classes.find_problem(data) == ""


def test_check_names_the_recipe(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = project / "recipes/data/digits.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace("by: seed", "by: group, column: ink"))
    assert main(["check"]) == 1
    assert capsys.readouterr().err == (
        "edgebake: recipes/data/digits.yaml: data.splits.column: 'ink' has 3 groups "
        "(heavy, light, medium); expected at least 4, one for each split that is drawn\n"
    )
