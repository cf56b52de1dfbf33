"""Labeled examples and their splits, the same in every stage.

Reads the output of the stage `data`. Writes nothing.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data import drawing, group_column, lazy
from edgebake.data.drawing import Candidates
from edgebake.data.formula_cells import from_cell
from edgebake.data.splits import SPLITS, split_sizes
from edgebake.recipe import Data
from edgebake.tasks.tensors import Raw

TABLE = "examples.csv"
COLUMNS = ("number", "name", "label", "split", "size", "sha256")


@dataclass(frozen=True)
class Examples:
    """Inputs of examples, each of its own size and read when it is used; labels [n].

    An image is uint8 [h, w] or [h, w, 3]. Columns describe each example further, for example the
    lighting; gates can refer to their values.
    """

    inputs: Sequence[Raw]
    labels: NDArray[np.int64]  # indices of classes, [n]
    classes: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)  # each of n values
    names: list[str] = field(default_factory=list)  # path below data.path, or a row, of each
    # Split of each by the data source; "" for one that is drawn by the seed.
    splits: list[str] = field(default_factory=list)
    # Size of each as the stage `data` counted: pixels of an image.
    sizes: list[int] = field(default_factory=list)
    # Files, folders or arrays beside the examples that are none; the stage `data` names them.
    left_out: list[str] = field(default_factory=list)

    def take(self, indices: NDArray[np.int64]) -> "Examples":
        """Return the examples at `indices` [k], in that order; no input is read."""
        columns = {}
        for name, values in self.columns.items():
            columns[name] = _take(values, indices)
        return replace(
            self,
            inputs=lazy.take(self.inputs, indices),
            labels=self.labels[indices],
            columns=columns,
            names=_take(self.names, indices),
            splits=_take(self.splits, indices),
        )


def _take(values: list[str], indices: NDArray[np.int64]) -> list[str]:
    """Return the values at `indices` [k]; an empty list says nothing of any example and stays."""
    if not values:
        return values
    return [values[index] for index in indices]


def assign_splits(examples: Examples, data: Data) -> dict[str, NDArray[np.int64]]:
    """Return the indices [k] of the examples in each split, by the name of the split.

    Examples without a split, and those of the source's train split, are drawn with `data.seed` by
    the shares of `data.splits`.

    Raises:
        DataError: the column with the groups is missing or incomplete, or has too few groups.
    """
    source_splits = examples.splits or [""] * len(examples.labels)
    counts = Counter(source_splits)
    unassigned = _numbers_in(source_splits, ("", "train"))
    sizes = {}
    assigned = {}
    for name, size in split_sizes(counts, data.splits).items():
        if name == "train" or getattr(data.splits, name) is not None:
            sizes[name] = size
        else:
            assigned[name] = _numbers_in(source_splits, (name,))
    groups = group_column.read(examples, data, len(sizes))
    candidates = _candidates(examples, groups, unassigned)
    drawn = drawing.draw(candidates, sizes, data.seed)
    for name, positions in drawn.items():
        assigned[name] = [unassigned[position] for position in positions]
    indices = {}
    for name in SPLITS:
        indices[name] = np.array(assigned[name], np.int64)
    return indices


def _numbers_in(source_splits: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the numbers of the examples that are in the splits with these names."""
    numbers = []
    for number, split in enumerate(source_splits):
        if split in names:
            numbers.append(number)
    return numbers


def _candidates(examples: Examples, groups: list[str], numbers: list[int]) -> Candidates:
    """Return what splits are drawn of: some examples by their numbers."""
    names = []
    labels = []
    for number in numbers:
        name = _name(examples, number)
        label = examples.labels[number]
        names.append(name)
        labels.append(int(label))
    indices = np.array(numbers, np.int64)
    return Candidates(names=names, labels=labels, groups=_take(groups, indices))


def _name(examples: Examples, number: int) -> str:
    if examples.names:
        return examples.names[number]
    return f"example {number}"


def take_split(examples: Examples, data: Data, name: str) -> Examples:
    """Return one split of the examples: `train`, `calibration`, `validation` or `test`.

    Raises:
        ValueError: there is no split of this name.
    """
    if name not in SPLITS:
        raise ValueError(name)
    indices = assign_splits(examples, data)
    return examples.take(indices[name])


def read_split(data: Data, variant: str, name: str) -> Examples:
    """Return one split, without the examples that the stage `data` left out."""
    folder = artifacts.folder("data", variant)
    artifacts.verify(folder)
    numbers: list[int] = []
    sizes: list[int] = []
    names: list[str] = []
    for row in read_rows(folder):
        if row["split"] != name:
            continue
        sizes.append(int(row["size"]))
        numbers.append(int(row["number"]))
        names.append(from_cell(row["name"]))
    source = plugins.load("data.source", data.source)
    examples: Examples = source.load(data)
    indices = np.array(numbers, np.int64)
    split = examples.take(indices)
    return replace(split, sizes=sizes, names=names)


def read_test_inputs(data: Data, variant: str) -> Sequence[Raw]:
    """Return the inputs of the test split without labels, which nothing can be fitted to."""
    test = read_split(data, variant, "test")
    return test.inputs


def read_rows(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the row of each example in the table that the stage `data` wrote."""
    table = folder / TABLE
    with table.open(newline="") as lines:
        yield from csv.DictReader(lines)
