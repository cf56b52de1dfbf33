"""Time int8 HARD_SWISH as LiteRT's own operator, and written as ADD and MUL, against float.

The three files run in turn, so that a change of the machine's load hits all of them:

    python -m benchmarks.hard_swish mobilenet_v3_small.keras

The model has to be trained: with the ranges of random weights, XNNPACK refuses the scales of ADD.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.recipe import Granularity
from edgebake.runtimes.litert import quantizer
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
from edgebake.runtimes.litert.integer_form import integer_form

REPEATS = 200


class NoiseRanges(CalibratedModel):
    """A float file whose ranges are those of its values on noise; no speed depends on them."""

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Return low and high of every tensor on two images of noise."""
        parsed = Interpreter(model_content=self.model)
        shape = parsed.get_input_details()[0]["shape"]
        images = np.random.default_rng(0).uniform(0, 255, (2, *shape[1:])).astype(np.float32)
        bounds = {}
        for name, values in self.compute_values({"image": images}).items():
            bounds[name] = (min(0.0, float(np.min(values))), max(0.0, float(np.max(values))))
        return bounds


def main() -> None:
    """Print the median of each file and its ratio to float."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", type=Path, help="a trained .keras that takes 0 to 255")
    file: Path = arguments.parse_args().model
    keras_session.start(1, 0)
    float_file = to_float_tflite(keras_session.load(file.read_bytes()))
    options = quantizer.IntegerOptions("int8", Granularity.per_channel)
    empty = ActivationRanges.empty()
    rewritten = integer_form(float_file)
    files = {
        "float": float_file,
        "int8, HARD_SWISH": quantizer.quantize_integers(NoiseRanges(float_file, empty), options),
        "int8, ADD and MUL": quantizer.quantize_integers(NoiseRanges(rewritten, empty), options),
    }
    medians = _medians(files)
    for name, median in medians.items():
        print(f"{name:20} {1000 * median:.3f} ms, {median / medians['float']:.2f} of float")


def _medians(files: dict[str, bytes]) -> dict[str, float]:
    """Return the median of the seconds that each file takes on one thread."""
    interpreters = {}
    for name, content in files.items():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        interpreters[name] = interpreter
    seconds: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(REPEATS):
        for name, interpreter in interpreters.items():
            start = time.perf_counter()
            interpreter.invoke()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
