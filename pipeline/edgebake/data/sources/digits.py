"""Handwritten digits of scikit-learn: 1,797 grayscale images of 8 x 8 pixels, ten classes.

Reads the table in the scikit-learn distribution; importing scikit-learn would take seconds.
Source: https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits (its test
half).
"""

import gzip
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import labels
from edgebake.recipe import Data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ("scikit-learn",)
WORDS = ()
LISTS_LABELS = True
COUNT = 1797
LEVELS = 16  # of a pixel, besides 0
INK = ("light", "medium", "heavy")  # a third of the digits each
TABLE = "sklearn/datasets/data/digits.csv.gz"


def count(data: Data) -> dict[str, int]:
    """Return the number of examples, which have no splits of their own.

    Raises:
        DataError: the recipe asks for splits of the source.
    """
    labels.check_splits(data, [], "examples that do")
    return {"": COUNT}


def bundled_file() -> Path:
    """Return the table in the installed scikit-learn."""
    scikit_learn = distribution("scikit-learn")
    file = scikit_learn.locate_file(TABLE)
    return Path(str(file))


def columns(_: Data) -> list[str]:
    """Return the column `ink`: light, medium or heavy, by the sum of the pixels."""
    return ["ink"]


def load(data: Data) -> "Examples":
    """Return all digits, their pixels of 0 to 16 scaled to 0 to 255.

    Raises:
        DataError: the recipe asks for splits of the source, or the labels file lacks a digit.
    """
    from edgebake.data.dataset import Examples

    count(data)
    file = bundled_file()
    with gzip.open(file, "rt") as table:
        rows = np.loadtxt(table, delimiter=",")
    levels = rows[:, :-1]
    digits = rows[:, -1]
    brightness = levels * (255 / LEVELS)
    pixels = np.rint(brightness).astype(np.uint8)
    images = pixels.reshape(-1, 8, 8)
    names = [str(int(digit)) for digit in digits]
    classes, indices = labels.encode_names(data, names)
    return Examples(
        inputs=list(images),
        labels=np.array(indices, np.int64),
        classes=classes,
        columns={"ink": _ink(levels)},
        names=[f"row {number}" for number in range(COUNT)],
        splits=[""] * COUNT,
    )


def _ink(levels: "NDArray[np.float64]") -> list[str]:
    """Return light, medium or heavy for each row of `levels` [n, pixels], a third of the rows."""
    amounts = levels.sum(axis=1)
    limits = np.quantile(amounts, [1 / 3, 2 / 3])
    thirds = np.searchsorted(limits, amounts)
    return [INK[third] for third in thirds]
