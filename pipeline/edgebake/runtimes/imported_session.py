"""Run the graph of an imported model as a session."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgebake.models.importers.interface import load_importer
from edgebake.runtimes import session
from edgebake.runtimes.session import Session
from edgebake.tasks.tensors import Feeds


class ImportedSession:
    """The predictor of an importer."""

    def __init__(self, predict: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._predict = predict
        self._image: NDArray[np.float32] = np.zeros(0, np.float32)
        self._output: NDArray[np.float32] = np.zeros(0, np.float32)

    def feed(self, example: Feeds) -> None:
        """Set the input, an image that is preprocessed to float32 [1, h, w, c]."""
        self._image = session.values_for("image", example)

    def invoke(self) -> None:
        """Run the graph on the current input."""
        self._output = self._predict(self._image)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities of the last run, float32 [1, classes]."""
        return {"probabilities": self._output}


def load(model_format: str, archive: bytes) -> Session:
    """Load the archive of an imported model: onnx or tflite."""
    return ImportedSession(load_importer(model_format).predictor(archive))
