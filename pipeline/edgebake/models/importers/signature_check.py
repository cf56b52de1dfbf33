"""Compare the input and output shape of an imported model with the recipe."""

from dataclasses import dataclass

from edgebake.errors import ModelError
from edgebake.tasks.contract import Contract

COLORS = {1: "grayscale", 3: "rgb or bgr"}  # values of data.color by number of channels


@dataclass(frozen=True)
class ModelSignature:
    """Shapes of an image classifier: one image as input, one number per class as output."""

    height: int | None  # pixels; None: any
    width: int | None  # pixels; None: any
    channels: int
    classes: int


def classes_of(outputs: int) -> int:
    """Return the number of classes that so many outputs stand for; a single one is for two."""
    return 2 if outputs == 1 else outputs


def check_signature(
    signature: ModelSignature, contract: Contract, file: str, can_replace_head: bool
) -> None:
    """Refuse the model of `file` if its shapes are not those of the contract.

    Raises:
        ModelError: they differ; the message names every difference and the recipe key that sets it.
    """
    problem = signature_problem(signature, contract, can_replace_head)
    if problem is not None:
        raise ModelError(f"{file}: {problem}")


def signature_problem(
    signature: ModelSignature, contract: Contract, can_replace_head: bool
) -> str | None:
    """Return how the shapes of a model differ from those of the contract; None: they do not.

    Args:
        signature: of the model.
        contract: of the recipe.
        can_replace_head: whether `model.imported.head: new` works with this format.
    """
    differences = [
        *_size_differences(signature, contract),
        *_channel_differences(signature, contract),
        *_class_differences(signature, contract, can_replace_head),
    ]
    if not differences:
        return None
    return f"the model does not fit its recipe: {'; '.join(differences)}"


def _size_differences(signature: ModelSignature, contract: Contract) -> list[str]:
    height = signature.height or contract.image.height
    width = signature.width or contract.image.width
    if (height, width) == (contract.image.height, contract.image.width):
        return []
    expected = f"model.resolution: {height}"
    if width != height:
        expected += f" and model.imported.image_width: {width}"
    return [
        f"it takes images of {height} x {width} pixels, "
        f"not {contract.image.height} x {contract.image.width}; expected {expected}"
    ]


def _channel_differences(signature: ModelSignature, contract: Contract) -> list[str]:
    if signature.channels == contract.image.channels:
        return []
    expected = "1 or 3"
    if signature.channels in COLORS:
        expected = f"data.color: {COLORS[signature.channels]}"
    return [
        f"it takes {signature.channels} channels, and data.color {contract.image.color} has "
        f"{contract.image.channels}; expected {expected}"
    ]


def _class_differences(
    signature: ModelSignature, contract: Contract, can_replace_head: bool
) -> list[str]:
    labels = len(contract.labels)
    if signature.classes == labels:
        return []
    expected = f"data of {signature.classes} classes"
    if signature.classes > labels:
        expected += f", or a file of {signature.classes} lines in data.labels"
    if can_replace_head:
        expected += ", or model.imported.head: new to train another head"
    return [
        f"it predicts {signature.classes} classes, and the data have {labels}; expected {expected}"
    ]
