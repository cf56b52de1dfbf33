"""Refuse arrays that are no images, labels or columns, from their headers."""

from pathlib import Path

from edgebake.data.readers.stored_arrays import StoredArray
from edgebake.errors import DataError


def refuse_images(path: Path, images: StoredArray) -> None:
    """Refuse images that are not uint8 [n, h, w] or [n, h, w, 1 or 3].

    Raises:
        DataError: they are not.
    """
    subject = f"{path}: {images.name} is"
    shape = images.shape
    if images.dtype.kind == "f":
        raise DataError(f"{subject} {images.dtype}, {_describe_floats(images)}")
    if images.dtype.str != "|u1":
        raise DataError(f"{subject} {images.dtype}; expected uint8 from 0 to 255")
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise DataError(
            f"{subject} {_shape(shape)}; expected the channels last: save x.transpose(0, 2, 3, 1)"
        )
    has_channels = len(shape) == 4 and shape[3] in (1, 3)
    if (len(shape) != 3 and not has_channels) or 0 in shape:
        raise DataError(
            f"{subject} {_shape(shape)}; "
            "expected [n, height, width], [n, ..., 1] or [n, ..., 3], n 1 or more"
        )


def _describe_floats(images: StoredArray) -> str:
    """Return the range of float images, and how to save them as pixels."""
    array = images.read()
    values = "empty"
    hint = "save x.astype('uint8')"
    if array.size:
        values = f"from {array.min():g} to {array.max():g}"
        if array.max() <= 1:
            hint = "save (x * 255).round().astype('uint8')"
    return f"{values}; expected uint8 from 0 to 255: {hint}"


def refuse_labels(path: Path, array: StoredArray, images: StoredArray) -> None:
    """Refuse labels that are not one number or text for each image.

    Raises:
        DataError: they are not.
    """
    shape = array.shape
    subject = f"{path}: {array.name}"
    if len(shape) == 2 and shape[1] > 1:
        raise DataError(
            f"{subject} is {_shape(shape)}, one-hot; "
            f"expected one number each: save {array.name}.argmax(axis=1)"
        )
    refuse_values(path, array, images, "labels")


def refuse_values(path: Path, array: StoredArray, images: StoredArray, kind: str) -> None:
    """Refuse labels or a column that are not one number or text for each image.

    Raises:
        DataError: they are not; `kind` says in the message what they are.
    """
    shape = array.shape
    subject = f"{path}: {array.name}"
    if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise DataError(f"{subject} is {_shape(shape)}; expected [n]")
    if array.dtype.kind not in "iuU":
        raise DataError(f"{subject} is {array.dtype}; expected whole numbers or texts")
    if shape[0] != images.shape[0]:
        raise DataError(
            f"{subject} has {shape[0]} {kind}; "
            f"expected {images.shape[0]}, as {images.name} has images"
        )


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"
