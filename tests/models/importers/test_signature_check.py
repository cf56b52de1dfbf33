"""A model with other shapes is refused; the message names every difference and its recipe key."""

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers.signature_check import ModelSignature, check_signature, classes_of
from edgebake.tasks.contract import Contract
from tests.contracts import image_contract


def contract() -> Contract:
    return image_contract(
        "classification", 96, 96, "rgb", "none", "bilinear", [0.0], [1.0], ["cat", "dog"]
    )


def test_equal_shapes_and_images_of_any_size_pass() -> None:
    check_signature(ModelSignature(96, 96, 3, 2), contract(), "model.keras", True)
    check_signature(
        ModelSignature(None, None, 3, 2), contract(), "model.keras", can_replace_head=True
    )


def test_every_difference_is_named_at_once() -> None:
    with pytest.raises(ModelError) as error:
        check_signature(
            ModelSignature(224, 192, 1, 10), contract(), "model.keras", can_replace_head=True
        )
    text = str(error.value)
    assert text.startswith(
        "model.keras: the model does not fit its recipe: it takes images of 224 x 192 pixels"
    )
    assert "expected model.resolution: 224 and model.imported.image_width: 192" in text
    assert "data.color: grayscale" in text
    assert "it predicts 10 classes, and the data have 2" in text
    assert "model.imported.head: new" in text


@pytest.mark.parametrize(
    ("classes", "can_replace_head", "expected"),
    [
        (3, False, "data of 3 classes, or a file of 3 lines in data.labels"),
        (1, False, "data of 1 classes"),
        (1, True, "data of 1 classes, or model.imported.head: new to train another head"),
    ],
)
def test_advice_about_classes_can_be_followed(
    classes: int, can_replace_head: bool, expected: str
) -> None:
    with pytest.raises(ModelError) as error:
        check_signature(ModelSignature(96, 96, 3, classes), contract(), "net", can_replace_head)
    assert str(error.value) == (
        f"net: the model does not fit its recipe: it predicts {classes} classes, and the data have "
        f"2; expected {expected}"
    )


@pytest.mark.parametrize(("outputs", "classes"), [(1, 2), (2, 2), (10, 10)])
def test_a_single_output_stands_for_two_classes(outputs: int, classes: int) -> None:
    assert classes_of(outputs) == classes
