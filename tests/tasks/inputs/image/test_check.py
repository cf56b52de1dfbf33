"""Options of images that do not fit, each with its message."""

import pytest

from edgebake.plan.checks import input as input_checks
from edgebake.recipe import Augment, Color, Recipe


@pytest.mark.parametrize("name", ["color", "crop", "resize", "mean", "scale"])
def test_an_image_has_every_option(recipe: Recipe, name: str) -> None:
    setattr(recipe.data, name, None)
    assert list(input_checks.check(recipe)) == [
        (f"data.{name}", "no value; expected one: the input is an image")
    ]


def test_an_image_has_a_size(recipe: Recipe) -> None:
    recipe.model.resolution = None
    assert list(input_checks.check(recipe)) == [
        ("model.resolution", "null; expected pixels per side: the input is an image")
    ]


def test_no_hue_of_a_grayscale_image_changes(recipe: Recipe) -> None:
    assert recipe.data.color is Color.grayscale
    recipe.train.augment = Augment(hue=0.1)
    assert list(input_checks.check(recipe)) == [
        ("train.augment.hue", "0.1; expected null for grayscale images")
    ]


def test_options_of_another_kind_are_refused(recipe: Recipe) -> None:
    recipe.data.input.options = {"rate": 16000}
    recipe.data.source_options = {"seconds": 1}
    assert list(input_checks.check(recipe)) == [
        ("data.input.options", "has values: rate; expected none, {}"),
        ("data.source_options", "has values: seconds; expected none, {}"),
    ]
