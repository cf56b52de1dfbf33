"""Where a training stood at the end of an epoch, in a file: a killed one goes on there and ends in the same weights."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgebake import artifacts


@dataclass
class TrainingState:
    """What a training remembers from epoch to epoch, beside its variables."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None  # of what early stopping looks at
    best_weights: list[Any] = field(default_factory=list)
    waited: int = 0  # epochs since the best one


@dataclass(frozen=True)
class Checkpoint:
    """A file for one training."""

    file: Path
    key: str  # of all that the training is made from: what another one left is not taken up

    def write(self, course: TrainingState, variables: Sequence[Any]) -> None:
        """Keep an epoch, whole or not at all."""
        words = {"key": self.key, "rows": course.rows, "best": course.best, "waited": course.waited}
        arrays = {f"variable_{number}": np.asarray(one) for number, one in enumerate(variables)}
        arrays |= {
            f"best_{number}": np.asarray(one) for number, one in enumerate(course.best_weights)
        }
        written = io.BytesIO()
        np.savez(written, words=np.array(json.dumps(words)), **arrays)  # type: ignore[arg-type]
        artifacts.write(self.file, written.getvalue())

    def read(self, variables: Sequence[Any]) -> TrainingState:
        """Set variables to what was kept last and return how far it was; a new course where there is nothing."""
        if not self.file.is_file():
            return TrainingState()
        with np.load(self.file, allow_pickle=False) as kept:
            words = json.loads(str(kept["words"]))
            if words.pop("key") != self.key:
                return TrainingState()
            for number, variable in enumerate(variables):
                variable.assign(kept[f"variable_{number}"])
            count = sum(name.startswith("best_") for name in kept.files)
            return TrainingState(
                **words, best_weights=[kept[f"best_{number}"] for number in range(count)]
            )

    def remove(self) -> None:
        """Forget it: the training is done."""
        self.file.unlink(missing_ok=True)
