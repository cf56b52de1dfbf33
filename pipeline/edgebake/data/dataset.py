"""Labelled images and their splits, the same in every stage.

Reads what the stage `data` wrote. Writes nothing.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data.readers.decode import LazyImages
from edgebake.data.splits import SPLITS, split_sizes
from edgebake.recipe import Data

TABLE = "examples.csv"
COLUMNS = ("number", "name", "label", "split", "height", "width", "sha256")

Images = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Examples:
    """Images uint8 [h, w] or [h, w, 3], each of its own size, decoded when asked for; labels int64 [n].

    Columns say more of each image [n], the light in which it was taken for one; gates can ask about their values.
    """

    images: Images
    labels: NDArray[np.int64]
    classes: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of each: its path below data.path, or its row
    splits: list[str] = field(
        default_factory=list
    )  # of each, as the source says; "" where it is drawn by the seed
    areas: list[int] = field(default_factory=list)  # pixels of each, once `data` has looked at them

    def take(self, indices: NDArray[np.int64]) -> "Examples":
        """Return the examples at `indices`, in that order; no image is read."""
        columns = {name: [values[i] for i in indices] for name, values in self.columns.items()}
        lists = {
            word: [value[i] for i in indices]
            for word in ("names", "splits")
            if (value := getattr(self, word))
        }
        images = LazyImages(
            len(indices), lambda number: image_at(self.images, int(indices[number]))
        )
        return replace(self, images=images, labels=self.labels[indices], columns=columns, **lists)


def image_at(images: Images, number: int) -> Any:
    """Return one image as pixels, or as Pillow's where it was read as such."""
    return images.open_image(number) if isinstance(images, LazyImages) else images[number]


def assign_splits(examples: Examples, data: Data) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of the examples of each split, by its name.

    The order is drawn once by `data.seed`, from all examples or from those that the source calls train.
    """
    said = np.array(examples.splits or [""] * len(examples.labels))
    counts = {
        str(name): int(count)
        for name, count in zip(*np.unique(said, return_counts=True), strict=True)
    }
    free = np.flatnonzero((said == "") | (said == "train"))
    order = free[np.random.default_rng(data.seed).permutation(len(free))]
    found, start = {}, 0
    for name, size in split_sizes(counts, data.splits).items():
        is_drawn = name == "train" or getattr(data.splits, name) is not None
        found[name] = order[start : start + size] if is_drawn else np.flatnonzero(said == name)
        start += size if is_drawn else 0
    return found


def take_split(examples: Examples, data: Data, name: str) -> Examples:
    """Return one split of the examples: `train`, `calibration`, `validation` or `test`.

    Raises:
        ValueError: there is no split of this name.
    """
    if name not in SPLITS:
        raise ValueError(name)
    return examples.take(assign_splits(examples, data)[name])


def read_split(data: Data, variant: str, name: str) -> Examples:
    """Return one split of what the stage `data` looked at, without the examples that it left out."""
    rows = [
        row
        for row in read_rows(artifacts.opened(artifacts.folder("data", variant)))
        if row["split"] == name
    ]
    examples: Examples = plugins.load("data.source", data.source).load(data)
    taken = examples.take(np.array([int(row["number"]) for row in rows], np.int64))
    return replace(taken, areas=[int(row["height"]) * int(row["width"]) for row in rows])


def read_rows(folder: Path) -> Iterator[dict[str, str]]:
    """Yield what the stage `data` wrote of each example that it kept."""
    with (folder / TABLE).open(newline="") as lines:
        yield from csv.DictReader(lines)
