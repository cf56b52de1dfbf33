"""Run an .mlpackage with Apple's own runtime, through coremltools. On a Mac alone."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.artifacts import write_files
from edgebake.runtimes.coreml import FILE, package, picture
from edgebake.runtimes.coreml.executor import program as programs
from edgebake.runtimes.coreml.executor.executor import labels
from edgebake.runtimes.run_modes import RunMode

# Each way is a choice of compute units. Source: MLComputeUnits, https://developer.apple.com/documentation/coreml
UNITS = {
    RunMode("", threaded=False): "ALL",
    RunMode("cpu_only", threaded=False): "CPU_ONLY",
    RunMode("cpu_and_neural_engine", threaded=False): "CPU_AND_NE",
}


class AppleSession:
    """A model loaded by Core ML for some compute units."""

    def __init__(self, files: dict[str, bytes], way: str) -> None:
        coremltools = import_coremltools()
        self._read = package.read(files)
        self._labels = labels(programs.read(self._read))
        self._probabilities = self._read.specification.description.predictedProbabilitiesName
        self._folder = tempfile.TemporaryDirectory()  # for as long as the model is in use
        write_files(Path(self._folder.name), files)
        units = coremltools.ComputeUnit[
            next(unit for one, unit in UNITS.items() if one.name == way)
        ]
        self._model = coremltools.models.MLModel(
            str(Path(self._folder.name) / FILE), compute_units=units
        )
        self._fed: dict[str, Image.Image] = {}
        self._found: dict[str, Any] = {}

    def feed(self, example: NDArray[Any]) -> None:
        """Take one image, uint8 [1, h, w, c], channels in the model's order."""
        image = picture.to_picture(example, self._read)[0]
        self._fed = {"image": Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)}

    def invoke(self) -> None:
        """Let Core ML predict on what was fed."""
        self._found = self._model.predict(self._fed)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the last probabilities by their name, in the order of the labels, float32 [1, classes]."""
        by_label = self._found[self._probabilities]
        return {
            self._probabilities: np.array([[by_label[label] for label in self._labels]], np.float32)
        }


def import_coremltools() -> Any:
    """Import coremltools without TensorFlow, which it would bring along for its converters, up to 20 s."""
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        import coremltools
    finally:
        if hidden:
            del sys.modules["tensorflow"]
    return coremltools
