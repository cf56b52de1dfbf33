"""Labelled images and their split, the same in every stage.

Reads and writes nothing.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.recipe import Data
from pipeline.splits import split_sizes


@dataclass(frozen=True)
class Examples:
    """Images uint8 [h, w] or [h, w, 3], each of its own size; labels int64 [n]; one name per class.

    Columns say more of each image [n], the light in which it was taken for one; gates can ask about their values.
    """

    images: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    classes: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)

    def take(self, indices: NDArray[np.int64]) -> "Examples":
        """Return the examples at `indices`, in that order."""
        columns = {name: [values[i] for i in indices] for name, values in self.columns.items()}
        return Examples([self.images[i] for i in indices], self.labels[indices], self.classes, columns)


def split(examples: Examples, data: Data, name: str) -> Examples:
    """Return one split of the examples: `train`, `calibration`, `validation` or `test`.

    The order is drawn once by `data.seed`, so that the splits are the same in every stage and share no example.
    """
    order = np.random.default_rng(data.seed).permutation(len(examples.labels))
    start = 0
    for split_name, size in split_sizes(len(order), data.splits).items():
        if split_name == name:
            return examples.take(order[start : start + size])
        start += size
    raise ValueError(name)
