"""scikit-learn's handwritten digits: 1,797 grey images of 8 x 8 pixels, ten classes.

Reads the table inside the scikit-learn distribution; importing scikit-learn itself would cost each stage seconds.
Source: https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits (its test half).
"""

import gzip
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import labels
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

TOOLS = ("scikit-learn",)
WORDS = ()
COUNT = 1797
INK = ("light", "medium", "heavy")  # a third of the digits each
TABLE = "sklearn/datasets/data/digits.csv.gz"


def count(data: Data) -> dict[str, int]:
    """Return how many examples there are; they say no split.

    Raises:
        DataError: the recipe asks for their own splits.
    """
    labels.refuse_other_splits(data, [], "examples that do")
    return {"": COUNT}


def bundled_file() -> Path:
    """Return the table inside the installed scikit-learn."""
    return Path(str(distribution("scikit-learn").locate_file(TABLE)))


def columns(_: Data) -> list[str]:
    """Return what is known of each digit beside its label: how much ink it took."""
    return ["ink"]


def load(data: Data) -> "Examples":
    """Return the digits, their 17 levels of grey spread over 0 to 255.

    Raises:
        DataError: the recipe asks for their own splits, or its labels file lacks a digit.
    """
    from edgebake.data.dataset import Examples

    count(data)
    with gzip.open(bundled_file(), "rt") as table:
        rows = np.loadtxt(table, delimiter=",")
    pixels = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    amounts = rows[:, :-1].sum(axis=1)
    thirds = np.searchsorted(np.quantile(amounts, [1 / 3, 2 / 3]), amounts)
    ink = [INK[third] for third in thirds]
    classes, numbers = labels.from_names(data, [str(int(digit)) for digit in rows[:, -1]])
    return Examples(
        images=list(pixels),
        labels=np.array(numbers, np.int64),
        classes=classes,
        columns={"ink": ink},
        names=[f"row {number}" for number in range(COUNT)],
        splits=[""] * COUNT,
    )
