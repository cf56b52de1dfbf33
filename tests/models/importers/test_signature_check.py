"""A model with other shapes is refused; the message names every difference and its recipe key."""

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers.signature_check import ModelSignature, check_signature
from edgebake.tasks.contract import Contract


def contract() -> Contract:
    return Contract(
        "classification", 96, 96, "rgb", "none", "bilinear", [0.0], [1.0], ["cat", "dog"]
    )


def test_equal_shapes_and_images_of_any_size_pass() -> None:
    check_signature(ModelSignature(96, 96, 3, 2), contract(), "model.keras")
    check_signature(ModelSignature(None, None, 3, 2), contract(), "model.keras")


def test_every_difference_is_named_at_once() -> None:
    with pytest.raises(ModelError) as error:
        check_signature(ModelSignature(224, 192, 1, 10), contract(), "model.keras")
    text = str(error.value)
    assert text.startswith(
        "model.keras: the model does not fit its recipe: it takes images of 224 x 192 pixels"
    )
    assert "expected model.resolution: 224 and model.imported.image_width: 192" in text
    assert "data.color: grayscale" in text
    assert "it predicts 10 classes, and the data have 2" in text
    assert "model.imported.head: new" in text
