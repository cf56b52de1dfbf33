"""A recipe as text: YAML that reads back, and behind each value the file that it came from."""

import pytest

from edgebake.documents import strict_yaml
from edgebake.recipe import Calibration, Recipe
from edgebake.recipe.typed_values import to_plain
from edgebake.report.recipe import text


def _line(shown: str, word: str) -> str:
    return " ".join(
        next(line for line in shown.splitlines() if line.strip().startswith(f"{word}:")).split()
    )


def test_text_is_yaml_that_says_what_the_recipe_says(recipe: Recipe) -> None:
    assert strict_yaml.parse(text(recipe, {}).encode()) == to_plain(recipe)


@pytest.mark.parametrize(
    "name", ["34", "1e5", "no", "a: b", "#1", "Pi, any", "null", "Größe", "x" * 300]
)
def test_words_that_yaml_would_take_for_something_else_are_quoted(
    recipe: Recipe, name: str
) -> None:
    recipe.device.minimum_os, recipe.device.soc = name, [name, "other"]
    assert strict_yaml.parse(text(recipe, {}).encode()) == to_plain(recipe)


def test_a_value_is_followed_by_its_own_origin(recipe: Recipe) -> None:
    recipe.train.epochs = 3
    shown = text(
        recipe, {"train.epochs": "command line", "train.seed": "recipes/train/scratch.yaml"}
    )
    assert _line(shown, "epochs") == "epochs: 3 # command line"


def test_a_value_set_as_part_of_a_whole_has_the_origin_of_the_whole(recipe: Recipe) -> None:
    recipe.quantize.calibration = Calibration("min_max", samples=7, seed=0)
    shown = text(recipe, {"quantize.calibration": "recipes/quantize/int8.yaml"})
    assert _line(shown, "samples") == "samples: 7 # recipes/quantize/int8.yaml"


def test_lists_and_nothing_stand_on_one_line(recipe: Recipe) -> None:
    recipe.device.runtimes, recipe.device.memory_mb = ["litert", "onnxruntime"], None
    shown = text(recipe, {"device": "recipes/device/pixel_8.yaml"})
    assert (
        _line(shown, "runtimes") == "runtimes: [litert, onnxruntime] # recipes/device/pixel_8.yaml"
    )
    assert _line(shown, "memory_mb") == "memory_mb: null # recipes/device/pixel_8.yaml"


def test_origins_stand_in_one_column(recipe: Recipe) -> None:
    lines = [line for line in text(recipe, {}).splitlines() if "#" in line]
    assert len(lines) > 20
    assert len({line.index("#") for line in lines}) == 1
