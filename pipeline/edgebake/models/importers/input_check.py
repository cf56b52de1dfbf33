"""Say what the input of a model is, if it is not one image, and the output, if not one answer."""

from collections.abc import Sequence

from edgebake.models.importers import input_kind
from edgebake.terminal.printable import printable

CHANNELS = (1, 3)
IMAGE_RANK = 4
CLASSES_RANK = 2
EXPECTED = (
    "edgebake imports image classifiers so far: expected images, [n, height, width, channels]"
)
ONE_ANSWER = "edgebake imports image classifiers so far: expected [n, classes]"
KINDS = {
    0: "a single number",
    1: "a number for each example",
    2: "a row of numbers for each example",
    3: "sequences, or images without an axis of channels",
    4: "images",
    5: "volumes, or several images at once",
}
ADD_CHANNELS = (
    ". For grayscale images, save the model with an input [n, height, width, 1] and a layer behind "
    "it that removes the last axis"
)


def refusal(shape: Sequence[int | str | None], dtype: str, channels_first: bool) -> str | None:
    """Return why an input is not one image; None if it could be one.

    Args:
        shape: of the input, batch first; None or a name for an open size.
        dtype: name of its type of numbers.
        channels_first: whether the format may have channels before height and width.
    """
    if len(shape) == IMAGE_RANK and not dtype.startswith("str"):
        return _channel_problem(shape, channels_first)
    kind = input_kind.of(shape, dtype) or KINDS.get(len(shape), "tensors of many axes")
    problem = f"takes {format_shape(shape)}, {kind}; {EXPECTED}"
    if kind == KINDS[IMAGE_RANK - 1]:
        problem += ADD_CHANNELS
    if input_kind.spectrum(shape) is not None:
        problem += f". {input_kind.OF_SOUNDS}"
    return problem


def count_refusal(inputs: int, outputs: int) -> str | None:
    """Return why a model of so many inputs and outputs is no classifier; None if it could be."""
    if inputs == 1 and outputs == 1:
        return None
    if inputs == 0:
        return "does not say the size of its images; expected a model that begins with keras.Input"
    sides = {"input": inputs, "output": outputs}
    counts = []
    for name, count in sides.items():
        plural = "" if count == 1 else "s"
        counts.append(f"{count} {name}{plural}")
    return (
        f"has {' and '.join(counts)}; edgebake imports image classifiers so far: expected one "
        "input, an image, and one output"
    )


def autoencoder_refusal(
    input_shape: Sequence[object], output_shape: Sequence[object]
) -> str | None:
    """Return that a model answers in the shape of its input; None if it does not."""
    if len(input_shape) < CLASSES_RANK or list(input_shape[1:]) != list(output_shape[1:]):
        return None
    return "answers in the shape of its input: an autoencoder, no classifier; " + ONE_ANSWER


def output_refusal(shape: Sequence[int | str | None], can_reshape: bool) -> str | None:
    """Return why an output is not one number per class; None if it could be.

    Args:
        shape: of the output, batch first; None or a name for an open size.
        can_reshape: whether axes of one number are removed, such as those of [n, 10, 1, 1].
    """
    if len(shape) == CLASSES_RANK:
        return None
    if can_reshape and len([size for size in shape[1:] if size != 1]) < CLASSES_RANK:
        return None
    kind = "numbers that are not a row for each image"
    if len(shape) == IMAGE_RANK:
        kind = "answers for each place of the image"
    return f"returns {format_shape(shape)}, {kind}; {ONE_ANSWER}"


def batch_refusal(shape: Sequence[int | str | None]) -> str | None:
    """Return why a graph cannot take one image at a time; None if it can."""
    batch = shape[0]
    if not isinstance(batch, int) or batch == 1:
        return None
    return f"takes {batch} images at once; expected 1, or any number: export it with a batch of 1"


def number_refusal(dtype: str) -> str | None:
    """Return why an output is no number per class, by its type; None if it could be one."""
    if not dtype.startswith(("int", "uint", "bool")):
        return None
    return (
        f"returns {printable(dtype)} numbers, such as the class itself; expected a probability or "
        "logit for each class: save the model without the layer that chooses one"
    )


def format_shape(shape: Sequence[int | str | None]) -> str:
    """Return a shape such as [n, 32, 32, any]; n is a batch of any size."""
    sizes = ["any" if size is None else printable(size) for size in shape]
    if shape and shape[0] is None:
        sizes[0] = "n"
    return f"[{', '.join(sizes)}]"


def _channel_problem(shape: Sequence[int | str | None], channels_first: bool) -> str | None:
    """Return what is wrong with the channels of images; None if they could be 1 or 3."""
    last_is_open = not isinstance(shape[3], int)
    if shape[3] in CHANNELS or last_is_open:
        return None
    first_is_open = not isinstance(shape[1], int)
    if channels_first and (shape[1] in CHANNELS or first_is_open):
        return None
    if shape[1] in CHANNELS:
        return f"takes {format_shape(shape)}, images with channels first; expected channels last"
    return f"takes {format_shape(shape)}; expected images of 1 or 3 channels"
