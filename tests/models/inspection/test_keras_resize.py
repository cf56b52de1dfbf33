"""How a model of Keras resizes images of any size is read from its config."""

from pathlib import Path
from typing import Any

import pytest

from edgebake.models.inspection.limited import inspect_file
from edgebake.models.inspection.model_info import ImageResize


def _saved(path: Path, shape: tuple[int | None, ...], **options: Any) -> Path:
    """Save a model that begins with a Resizing layer, by Keras itself."""
    import keras

    layers = keras.layers
    image = keras.Input(shape)
    scaled = layers.Rescaling(1 / 255)(image)
    resized = layers.Resizing(24, 32, name="resizing", **options)(scaled)
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(resized))
    keras.Model(image, layers.Dense(3, activation="softmax")(features)).save(path)
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("bilinear", False, False)),
        ({"antialias": True, "interpolation": "bicubic"}, ("bicubic", True, False)),
        ({"crop_to_aspect_ratio": True}, ("bilinear", False, True)),
    ],
    ids=str,
)
def test_a_resizing_layer_says_how_images_are_resized(
    tmp_path: Path, options: dict[str, Any], expected: tuple[str, bool, bool]
) -> None:
    info = inspect_file(_saved(tmp_path / "net.keras", (None, None, 3), **options))
    assert info.resize == ImageResize(24, 32, *expected, "resizing: Resizing")
    assert info.resolution == (24, 32)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((96, 96, 3), {}),  # what made the 96 x 96 pixels is not in the file
        ((None, None, 3), {"pad_to_aspect_ratio": True}),
        ((None, None, 3), {"interpolation": "lanczos3"}),
    ],
    ids=str,
)
def test_a_resize_that_no_recipe_can_say_is_not_known(
    tmp_path: Path, shape: tuple[int | None, ...], options: dict[str, Any]
) -> None:
    assert inspect_file(_saved(tmp_path / "net.keras", shape, **options)).resize is None
