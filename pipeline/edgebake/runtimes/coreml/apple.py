"""Run an .mlpackage on a Mac with Core ML itself, through coremltools."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.artifacts import write_files
from edgebake.runtimes.coreml import FILE, package, picture
from edgebake.runtimes.coreml.executor.executor import class_labels
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.run_modes import RunMode
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
        self._description = self._package.specification.description
        self._folder = tempfile.TemporaryDirectory()  # for as long as the model is in use
        folder = Path(self._folder.name)
        write_files(folder, files)
        unit_names = {run_mode.name: name for run_mode, name in UNITS.items()}
        units = coremltools.ComputeUnit[unit_names[mode]]
        self._model = coremltools.models.MLModel(str(folder / FILE), compute_units=units)
        self._features: dict[str, Any] = {}
        self._results: dict[str, Any] = {}

    def feed(self, example: Feeds) -> None:
        """Set every input; an image is uint8 [1, h, w, c], channels in the model's order."""
        inputs = picture.package_inputs(example, self._package)
        self._features = {}
        for feature in self._description.input:
            values = inputs[feature.name]
            if picture.is_image(feature):
                self._features[feature.name] = _to_image(values[0])
            else:
                self._features[feature.name] = values

    def invoke(self) -> None:
        """Let Core ML predict on the current inputs."""
        self._results = self._model.predict(self._features)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the last outputs [1, ...] by name, probabilities [1, classes] in label order."""
        name = self._description.predictedProbabilitiesName
        if not name:
            names = [feature.name for feature in self._description.output]
            return {name: np.asarray(self._results[name], np.float32) for name in names}
        by_label = self._results[name]
        probabilities = [by_label[label] for label in self._labels]
        batch = np.array([probabilities], np.float32)
        return {name: batch}


def _to_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return the image of pixels [h, w, c]."""
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    return Image.fromarray(pixels)


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
