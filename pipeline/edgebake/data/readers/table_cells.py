"""Cells of some columns of a table, as the readers of each file format return them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Cells:
    """Cells of some columns, and the number of each row in the file."""

    rows: Sequence[int]  # from 1
    numbers: dict[str, NDArray[np.float64]]  # each [rows]
    texts: dict[str, list[str]]
