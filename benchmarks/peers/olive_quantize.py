"""Quantize an .onnx file with Olive.

    python olive_quantize.py static|dynamic float.onnx samples.npy quantized.onnx

The environment of the Python that runs this script contains Olive and does not contain edgebake.
Reads samples float32 [n, h, w, c]. Prints the seconds that quantization took without imports.
"""

import importlib
import sys
import time
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

PASSES = {"static": "OnnxStaticQuantization", "dynamic": "OnnxDynamicQuantization"}


class Examples:
    """Calibration samples as Olive reads them: the input by name, and a label that is not used."""

    def __init__(self, images: NDArray[np.float32], input_name: str) -> None:
        self._images = images
        self._input_name = input_name

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, number: int) -> tuple[dict[str, NDArray[np.float32]], int]:
        return {self._input_name: self._images[number]}, 0


def main() -> None:
    """Quantize with the defaults of Olive's pass."""
    mode, source, samples, destination = sys.argv[1:]
    passes = importlib.import_module("olive.passes.onnx.quantization")
    create = importlib.import_module("olive.passes.olive_pass").create_pass_from_dict
    handler = importlib.import_module("olive.model").ONNXModelHandler
    options: dict[str, object] = {}
    if mode == "static":
        options["data_config"] = data_config(Path(source), Path(samples))
    importlib.import_module("onnxruntime.quantization")
    start = time.perf_counter()
    quantize = create(getattr(passes, PASSES[mode]), options, disable_search=True)
    output = quantize.run(handler(source), destination)
    seconds = time.perf_counter() - start
    Path(destination).write_bytes(Path(output.model_path).read_bytes())
    sys.stdout.write(f"\n{seconds}\n")


def data_config(source: Path, samples: Path) -> object:
    """Return Olive's configuration for calibration on an array."""
    registry = importlib.import_module("olive.data.registry").Registry
    config = importlib.import_module("olive.data.config")
    input_name = onnx.load(source).graph.input[0].name
    images = np.load(samples)
    registry.register_dataset("examples")(lambda **_: Examples(images, input_name))
    component = config.DataComponentConfig(type="examples")
    return config.DataConfig(name="examples", load_dataset_config=component)


if __name__ == "__main__":
    main()
