"""Contracts of image classifiers for tests, in one call."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgebake.tasks.contract import Contract, image_classifier
from edgebake.tasks.inputs.image.spec import ImageSpec
from edgebake.tasks.outputs.classification import TASK
from edgebake.tasks.tensors import ContractOutput


def image_contract(  # noqa: PLR0917 - the fields of contract.json in their order
    task: str,
    height: int,
    width: int,
    color: str,
    crop: str,
    resize: str,
    mean: list[float],
    scale: list[float],
    labels: list[str],
    antialias: bool = True,
    short_side: int | None = None,
) -> Contract:
    """Return the contract of an image classifier."""
    assert task == "classification"
    image = ImageSpec(height, width, color, crop, resize, mean, scale, antialias, short_side)
    return image_classifier(image, labels)


def with_image(contract: Contract, **changes: Any) -> Contract:
    """Return a contract whose image differs in some fields."""
    return image_classifier(replace(contract.image, **changes), contract.labels)


def square_contract(size: int, channels: int, classes: int) -> Contract:
    """Return the contract of a classifier of square images with numbers as labels."""
    color = "grayscale" if channels == 1 else "rgb"
    image = ImageSpec(size, size, color, "none", "bilinear", [127.5], [1 / 127.5])
    return image_classifier(image, [str(number) for number in range(classes)])


def probabilities(labels: Sequence[str]) -> ContractOutput:
    """Return the output of a classifier with these labels."""
    (output,) = TASK.outputs(labels)
    return output
