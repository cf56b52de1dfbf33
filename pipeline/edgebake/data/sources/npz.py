"""NumPy arrays of images and labels: a `.npz` file, or a folder of `.npy` files.

Reads `data.path`. Arrays are named x and y, or images and labels, with the split if there is one:
x_train, y_train, x_test, y_test. Images are uint8 [n, h, w] or [n, h, w, 1 or 3]; labels are
integers or texts [n] or [n, 1]. `data.columns` names further arrays of that form, which have the
split in their name as the images do: person_train, person_test.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgebake.data.readers import arrays, labels
from edgebake.errors import DataError
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

TOOLS = ()
WORDS = ("columns",)
LISTS_LABELS = True
SPLIT_ARRAYS = "x_train, y_train, x_test and y_test"


def count(data: Data) -> dict[str, int]:
    """Return the number of images by split, `""` for none; only headers are read.

    Raises:
        DataError: the file is missing or holds no such arrays.
    """
    return {pair.split: pair.images.shape[0] for pair in _find_pairs(data)}


def columns(data: Data) -> list[str]:
    """Return the names in `data.columns`."""
    return list(data.columns or {})


def load(data: Data) -> Examples:
    """Return every image; uncompressed arrays stay on disk.

    Raises:
        DataError: the file is missing or damaged, or holds no such arrays.
    """
    pairs = _find_pairs(data)
    examples = arrays.load_examples(data, pairs)
    return replace(examples, left_out=arrays.unused(data.location, pairs))


def _find_pairs(data: Data) -> list[arrays.ArrayPair]:
    path = data.location
    if not path.exists():
        raise DataError(
            f"{path}: no such file; expected a .npz, or a folder with images.npy and labels.npy"
        )
    pairs = arrays.find_pairs(path, data.max_gigabytes, data.columns)
    labels.check_splits(data, {pair.split for pair in pairs}, SPLIT_ARRAYS)
    return pairs
