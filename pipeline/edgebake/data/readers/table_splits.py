"""Parse the column of a table that names the split of each example."""

from collections.abc import Sequence

from edgebake.data.readers import labels
from edgebake.errors import DataError
from edgebake.recipe import Data

KEY = "data.source_options.split"


def parse(data: Data, cells: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """Return the split of each example, `""` for none.

    Args:
        data: options of the dataset.
        cells: of the column; None: the recipe names no column.
        names: of the examples, for messages.

    Raises:
        DataError: a cell names no split, or the recipe asks for splits that the table lacks, or
            the other way round.
    """
    splits = [""] * len(names)
    if cells is not None:
        for index, cell in enumerate(cells):
            split = labels.parse_split(cell)
            if split is None:
                problem = f"{names[index]} has the split {cell!r}"
                expected = "expected train, validation, test or calibration"
                raise DataError(f"{data.title}: {problem}; {expected}")
            splits[index] = split
    labels.check_splits(data, splits, f"a column that {KEY} names")
    return splits
