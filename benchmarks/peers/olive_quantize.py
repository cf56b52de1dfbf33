"""Quantize an .onnx file with Olive.

    python olive_quantize.py static|dynamic float.onnx examples.npy quantized.onnx

The environment of the Python that runs this script contains Olive and does not contain edgebake.
Reads examples float32 [n, h, w, c]. Prints the seconds that quantization took without imports.
"""

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

PASSES = {"static": "OnnxStaticQuantization", "dynamic": "OnnxDynamicQuantization"}


class Examples:
    """Rows of an array as Olive wants them: input by name, and a label that nobody reads."""

    def __init__(self, images: NDArray[np.float32], name: str) -> None:
        self._images, self._name = images, name

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, number: int) -> tuple[dict[str, Any], int]:
        return {self._name: self._images[number]}, 0


def main() -> None:
    """Quantize by the defaults of Olive's pass."""
    mode, source, examples, target = sys.argv[1:]
    passes = importlib.import_module("olive.passes.onnx.quantization")
    create = importlib.import_module("olive.passes.olive_pass").create_pass_from_dict
    handler = importlib.import_module("olive.model").ONNXModelHandler
    words = {"data_config": data(Path(source), Path(examples))} if mode == "static" else {}
    importlib.import_module("onnxruntime.quantization")
    start = time.perf_counter()
    quantize = create(getattr(passes, PASSES[mode]), words, disable_search=True)
    made = quantize.run(handler(source), target)
    seconds = time.perf_counter() - start
    Path(target).write_bytes(Path(made.model_path).read_bytes())
    sys.stdout.write(f"\n{seconds}\n")


def data(source: Path, examples: Path) -> Any:
    """Return Olive's words for calibration on an array."""
    registry = importlib.import_module("olive.data.registry").Registry
    config = importlib.import_module("olive.data.config")
    name, images = onnx.load(source).graph.input[0].name, np.load(examples)
    registry.register_dataset("examples")(lambda **_: Examples(images, name))
    return config.DataConfig(
        name="examples", load_dataset_config=config.DataComponentConfig(type="examples")
    )


if __name__ == "__main__":
    main()
