"""Checkpoints of an interrupted training.

A checkpoint is written after every epoch. A training that resumes from it ends with the same
weights as one that was never interrupted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake import artifacts

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray


@dataclass
class TrainingState:
    """Progress of a training that is not stored in variables of the model or the optimizer."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_score: float | None = None  # of the metric that early stopping monitors, higher is better
    best_weights: list[NDArray[np.generic]] = field(default_factory=list)
    epochs_since_best: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """File with the last epoch of one training."""

    file: Path
    # A digest of all inputs of the training; a checkpoint with another key is ignored.
    key: str

    def write(self, state: TrainingState, variables: Sequence[keras.Variable]) -> None:
        """Store the state and the variables after an epoch; the file is replaced atomically."""
        metadata = {
            "key": self.key,
            "rows": state.history,
            "best": state.best_score,
            "waited": state.epochs_since_best,
        }
        arrays = {"words": np.array(json.dumps(metadata))}
        for number, variable in enumerate(variables):
            arrays[f"variable_{number}"] = np.asarray(variable)
        for number, weight in enumerate(state.best_weights):
            arrays[f"best_{number}"] = np.asarray(weight)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        artifacts.write(self.file, buffer.getvalue())

    def read(self, variables: Sequence[keras.Variable]) -> TrainingState:
        """Restore the variables and return the state.

        Without a file, or if its key is another, variables stay as they are and the state is new.
        """
        if not self.file.is_file():
            return TrainingState()
        with np.load(self.file, allow_pickle=False) as archive:
            metadata = json.loads(str(archive["words"]))
            if metadata["key"] != self.key:
                return TrainingState()
            for number, variable in enumerate(variables):
                variable.assign(archive[f"variable_{number}"])
            best_weights: list[NDArray[np.generic]] = []
            for name in archive.files:
                if name.startswith("best_"):
                    best_weights.append(archive[name])
            return TrainingState(
                history=metadata["rows"],
                best_score=metadata["best"],
                best_weights=best_weights,
                epochs_since_best=metadata["waited"],
            )

    def remove(self) -> None:
        """Delete the file, as the training is complete."""
        self.file.unlink(missing_ok=True)
