"""Images and labels that NumPy saved: a `.npz`, or a folder of `.npy` files.

Reads `data.path`. Arrays are called x and y or images and labels, with the split where there is one: x_train, y_train,
x_test, y_test. Images are uint8 [n, h, w] or [n, h, w, 1 or 3], labels whole numbers or texts [n] or [n, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.data.readers import arrays, labels
from edgebake.errors import DataError
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

TOOLS = ()
WORDS = ()


def count(data: Data) -> dict[str, int]:
    """Return how many images there are by the split that the arrays' names say, `""` for none; heads alone are read.

    Raises:
        DataError: the file is missing or holds no such arrays.
    """
    return {pair.split: pair.images.shape[0] for pair in _pairs(data)}


def columns(_: Data) -> list[str]:
    """Return nothing: arrays say no more of an image than its label."""
    return []


def load(data: Data) -> Examples:
    """Return every image; arrays that are not compressed stay on the disk.

    Raises:
        DataError: the file is missing or damaged, or holds no such arrays.
    """
    return arrays.examples(data, _pairs(data))


def _pairs(data: Data) -> list[arrays.Pair]:
    path = data.location
    if not path.exists():
        raise DataError(
            f"{path}: no such file; expected a .npz, or a folder with images.npy and labels.npy"
        )
    found = arrays.pairs(path)
    labels.refuse_other_splits(
        data, {pair.split for pair in found}, "x_train, y_train, x_test and y_test"
    )
    return found
