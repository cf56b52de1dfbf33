"""Sizes of the splits; free of NumPy, since the planner computes them too."""

import math
from collections.abc import Mapping

from edgebake.recipe import Splits

SPLITS = ("train", "calibration", "validation", "test")
FEWEST_GROUPS = 20  # of test examples, below which gates are not measured
DRAWN = ("test", "calibration", "validation")  # in the order in which they are drawn


def split_sizes(counts: Mapping[str, int], splits: Splits) -> dict[str, int]:
    """Return the number of examples in each split.

    The size of a drawn test split is rounded up, of the others down; train gets the rest.

    Args:
        counts: number of examples by the split that the data source gives them, `""` for none.
        splits: shares of the examples without a split and those of the source's train split.
    """
    unassigned = counts.get("", 0) + counts.get("train", 0)
    sizes = {}
    drawn = 0
    for split in DRAWN:
        share = getattr(splits, split)
        if share is None:
            sizes[split] = counts.get(split, 0)
        else:
            sizes[split] = _round(split, unassigned * share)
            drawn += sizes[split]
    return {"train": unassigned - drawn, **sizes}


def _round(split: str, size: float) -> int:
    if split == "test":
        return math.ceil(size - 1e-9)
    return math.floor(size + 1e-9)
