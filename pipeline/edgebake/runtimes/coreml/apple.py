"""Run an .mlpackage on a Mac with Core ML itself, through coremltools."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.artifacts import write_files
from edgebake.runtimes.coreml import FILE, package, picture
from edgebake.runtimes.coreml.executor.executor import class_labels
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.run_modes import RunMode
from edgebake.runtimes.session import values_for
from edgebake.tasks.tensors import Feeds

# Run mode -> compute units.
# Source: MLComputeUnits, https://developer.apple.com/documentation/coreml
UNITS = {
    RunMode("", threaded=False): "ALL",
    RunMode("cpu_only", threaded=False): "CPU_ONLY",
    RunMode("cpu_and_neural_engine", threaded=False): "CPU_AND_NE",
}


class AppleSession:
    """A model that Core ML has loaded for some compute units."""

    def __init__(self, files: dict[str, bytes], mode: str) -> None:
        coremltools = import_coremltools()
        self._package = package.read(files)
        program = read_program(self._package)
        self._labels = class_labels(program)
        description = self._package.specification.description
        self._output = description.predictedProbabilitiesName
        self._folder = tempfile.TemporaryDirectory()  # for as long as the model is in use
        folder = Path(self._folder.name)
        write_files(folder, files)
        unit_names = {run_mode.name: name for run_mode, name in UNITS.items()}
        units = coremltools.ComputeUnit[unit_names[mode]]
        self._model = coremltools.models.MLModel(str(folder / FILE), compute_units=units)
        self._features: dict[str, Image.Image] = {}
        self._results: dict[str, dict[str, float]] = {}

    def feed(self, example: Feeds) -> None:
        """Set the input: one image, uint8 [1, h, w, c], channels in the model's order."""
        image = picture.to_picture(values_for("image", example), self._package)[0]
        if image.shape[-1] == 1:
            image = image[..., 0]
        self._features = {"image": Image.fromarray(image)}

    def invoke(self) -> None:
        """Let Core ML predict on the current input."""
        self._results = self._model.predict(self._features)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the last probabilities by their name, in label order, float32 [1, classes]."""
        by_label = self._results[self._output]
        probabilities = [by_label[label] for label in self._labels]
        batch = np.array([probabilities], np.float32)
        return {self._output: batch}


def import_coremltools() -> ModuleType:
    """Import coremltools without TensorFlow, which its converters would import in up to 20 s."""
    is_hidden = "tensorflow" not in sys.modules
    if is_hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        import coremltools
    finally:
        if is_hidden:
            del sys.modules["tensorflow"]
    module: ModuleType = coremltools
    return module
