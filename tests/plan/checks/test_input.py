"""Kinds of inputs against networks, sources and the options of images."""

from copy import deepcopy

import pytest

from edgebake.plan.checks import input as input_checks
from edgebake.plan.compose import Target
from edgebake.recipe import Augment, Color, Flip, Recipe


@pytest.fixture
def gestures(composed: dict[str, Target]) -> Recipe:
    return deepcopy(composed["gestures_linux_any"].recipe)


def test_recipes_of_signals_and_texts_are_sound(composed: dict[str, Target]) -> None:
    for name in ("gestures_linux_any", "language_pixel_8"):
        assert list(input_checks.check(composed[name].recipe)) == []


def test_options_of_images_are_refused(gestures: Recipe) -> None:
    gestures.data.color = Color.rgb
    gestures.model.resolution = 32
    gestures.train.augment = Augment(flip=Flip.horizontal)
    assert list(input_checks.check(gestures)) == [
        ("data.color", "has a value; expected null: the input is signal, no image"),
        ("model.resolution", "32; expected null: the input is signal, no image"),
        (
            "train.augment",
            "has options; expected null: it changes images, and the input is of the kind signal",
        ),
    ]


def test_a_source_of_another_input_is_refused(gestures: Recipe) -> None:
    gestures.data.input.kind = "text"
    gestures.data.input.options = {"bytes": 96}
    assert list(input_checks.check(gestures)) == [
        ("data.input.kind", "text; gestures yields signal, expected that")
    ]


def test_unknown_and_missing_options_are_named(gestures: Recipe) -> None:
    options = gestures.data.input.options
    options["hops"] = options.pop("hop")
    gestures.data.source_options["persons"] = 3
    problems = dict(input_checks.check(gestures))
    assert set(problems) == {
        "data.input.options.hops",
        "data.input.options.hop",
        "data.source_options.persons",
    }
