"""Run the graph of an imported model as a session."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgebake.models.importers.interface import load_importer
from edgebake.runtimes.session import Session
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Feeds, Outputs


class ImportedSession:
    """The predictor of an importer."""

    def __init__(self, predict: Callable[[Feeds], Outputs]) -> None:
        self._predict = predict
        self._feeds: Feeds = {}
        self._outputs: Outputs = {}

    def feed(self, example: Feeds) -> None:
        """Set the input, an image that is preprocessed to float32 [1, h, w, c]."""
        self._feeds = example

    def invoke(self) -> None:
        """Run the graph on the current input."""
        self._outputs = self._predict(self._feeds)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities of the last run, float32 [1, classes]."""
        return dict(self._outputs)


def load(model_format: str, archive: bytes) -> Session:
    """Load the archive of an imported model: onnx or tflite, which classify images."""
    return ImportedSession(load_importer(model_format).predictor(archive, IMAGE_CLASSIFIER))
