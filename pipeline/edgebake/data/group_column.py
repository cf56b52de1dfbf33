"""Read the groups of examples that no two splits may share: `data.splits.column`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebake.data.readers.labels import preview
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

KEY = "data.splits.column"


def read(examples: "Examples", data: Data, split_count: int) -> list[str]:
    """Return the group of each example; empty if the recipe names no column.

    Args:
        examples: of the data source.
        data: options of the dataset.
        split_count: number of the splits that are drawn.

    Raises:
        DataError: there is no such column, an example has no group, a group is in two splits of
            the data source, or there are fewer groups than splits.
    """
    column = data.splits.column
    if column is None:
        return []
    if column not in examples.columns:
        hint = f"expected one of: {listed(examples.columns)}{nearest(column, examples.columns)}"
        raise DataError(f"{KEY}: {data.title} has no column {column!r}; {hint}")
    groups = [value.strip() for value in examples.columns[column]]
    without = [number for number, group in enumerate(groups) if not group]
    if without:
        names = [_name(examples, number) for number in without]
        raise DataError(
            f"{KEY}: no value of {column!r} for {preview(names)}; "
            "expected a group for every example"
        )
    splits = examples.splits or [""] * len(groups)
    _refuse_shared(groups, splits, data)
    drawn = {group for group, split in zip(groups, splits, strict=True) if split in ("", "train")}
    if len(drawn) < split_count:
        raise DataError(
            f"{KEY}: {column!r} has {len(drawn)} groups ({preview(sorted(drawn))}); "
            f"expected at least {split_count}, one for each split that is drawn"
        )
    return groups


def _refuse_shared(groups: Sequence[str], splits: Sequence[str], data: Data) -> None:
    """Refuse splits of the data source that share a group."""
    split_of: dict[str, str] = {}
    for group, split in zip(groups, splits, strict=True):
        first = split_of.setdefault(group, split)
        if first != split:
            both = f"{first} and {split}"
            raise DataError(
                f"{data.title}: {group!r} in the column {data.splits.column!r} is in {both}; "
                "expected each group in one split"
            )


def _name(examples: "Examples", number: int) -> str:
    return examples.names[number] if examples.names else f"example {number}"
