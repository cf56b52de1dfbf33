"""How many examples each split holds; free of NumPy, since the planner asks too."""

import math

from pipeline.recipe import Splits


def split_sizes(count: int, splits: Splits) -> dict[str, int]:
    """Return how many of `count` examples each split holds; the test split is rounded up, train takes the rest."""
    sizes = {
        "test": math.ceil(count * splits.test - 1e-9),
        "calibration": math.floor(count * splits.calibration + 1e-9),
        "validation": math.floor(count * splits.validation + 1e-9),
    }
    return {"train": count - sum(sizes.values()), **sizes}
