"""An imported model that does not fit its recipe is named before a build begins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from edgebake.cli.main import main
from edgebake.plan.checks import imported_signature
from edgebake.recipe import Color, Head, Recipe, SplitBy, Splits
from tests.models.importers import graphs

SPLITS = Splits(SplitBy.seed, 0.6, 0.1, 0.1, 0.2)
MISFIT = (
    "models/net.onnx: the model does not fit its recipe: it predicts 3 classes, and the data have "
    "2; expected data of 3 classes, or a file of 3 lines in data.labels"
)
TARGET = """\
# @package _global_
defaults:
  - override /device: linux_any
  - override /data: image_folder
  - override /model: import
  - override /train: none
  - override /quantize: none
  - override /convert: onnxruntime
data:
  path: images
  origin: { name: x, author: x, license: MIT, source: x }
model:
  resolution: 12
  imported:
    file: models/net.onnx
    output: logits
  pretrained: { name: x, author: x, license: MIT, source: x }
"""


@pytest.fixture
def imported(project: Path, recipe: Recipe) -> Recipe:
    """A recipe with a model of 3 classes, 12 x 12 pixels in RGB, and images of 2 classes."""
    (project / "models").mkdir()
    onnx.save(graphs.like_pytorch(), project / "models/net.onnx")
    for name in ("cat", "dog"):
        (project / "images" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.full((4, 4, 3), number, np.uint8)
            Image.fromarray(pixels).save(project / "images" / name / f"{number}.png")
    recipe.data = replace(recipe.data, source="image_folder", path="images", splits=SPLITS)
    recipe.data.color = Color.rgb
    recipe.model.resolution = 12
    recipe.model.imported = graphs.options("models/net.onnx")
    return recipe


def test_other_classes_are_named(imported: Recipe) -> None:
    assert imported_signature.find_problem(imported) == MISFIT


def test_the_same_number_of_classes_is_sound(imported: Recipe) -> None:
    imported.data.labels = "labels.txt"
    Path("labels.txt").write_text("cat\ndog\nfox\n")
    assert imported_signature.find_problem(imported) == ""


def test_other_sizes_and_channels_are_named(imported: Recipe) -> None:
    imported.data.path = "no such folder"  # its classes are not known
    imported.data.color = Color.grayscale
    imported.model.resolution = 32
    assert imported_signature.find_problem(imported) == (
        "models/net.onnx: the model does not fit its recipe: it takes images of 12 x 12 pixels, "
        "not 32 x 32; expected model.resolution: 12; it takes 3 channels, and data.color grayscale "
        "has 1; expected data.color: rgb or bgr"
    )


def test_a_new_head_has_the_classes_of_the_data(imported: Recipe) -> None:
    assert imported.model.imported is not None
    imported.model.imported.head = Head.new
    assert imported_signature.find_problem(imported) == ""


@pytest.mark.usefixtures("imported")
def test_check_names_the_recipe_of_a_target(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes/target/mine.yaml").write_text(TARGET)
    assert main(["check"]) == 1
    assert capsys.readouterr().err == (
        f"edgebake: recipes/target/mine.yaml: model.imported.file: {MISFIT}\n"
    )
