"""How many examples each split holds; free of NumPy, since the planner asks too."""

import math
from collections.abc import Mapping

from edgebake.recipe import Splits

SPLITS = ("train", "calibration", "validation", "test")
DRAWN = (
    "test",
    "calibration",
    "validation",
)  # the order in which an example that is drawn finds its split


def split_sizes(counts: Mapping[str, int], splits: Splits) -> dict[str, int]:
    """Return how many examples each split holds; the test split is rounded up, train takes the rest.

    Args:
        counts: how many there are by the split that the source says, `""` where it says none.
        splits: a share is drawn from what the source calls train, or says nothing of.
    """
    free = counts.get("", 0) + counts.get("train", 0)
    drawn = {
        name: _drawn(name, free * share)
        for name in DRAWN
        if (share := getattr(splits, name)) is not None
    }
    said = {name: counts.get(name, 0) for name in SPLITS}
    sizes = {name: drawn.get(name, said[name]) for name in DRAWN}
    return {"train": free - sum(drawn.values()), **sizes}


def _drawn(name: str, count: float) -> int:
    return math.ceil(count - 1e-9) if name == "test" else math.floor(count + 1e-9)
