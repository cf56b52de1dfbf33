"""litert-quantizer with its own recipes and its own calibration.

Source: https://github.com/google-ai-edge/LiteRT/tree/main/litert_quantizer
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import converter
from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

TOOL = "litert-quantizer"
RECIPES = {
    "static_wi8_ai8": "int8",
    "static_wi8_ai16": "int16x8",
    "dynamic_wi8_afp32": "dynamic",
    "weight_only_wi8_afp32": "dynamic",
    "dynamic_wi4_afp32": "int4_weights",
    "weight_only_wi4_afp32": "int4_weights",
}


def makers() -> list[Maker]:
    """Return a maker for each recipe for convolutional models."""
    return [
        Maker(TOOL, recipe, "litert", scheme, _builder(recipe))
        for recipe, scheme in RECIPES.items()
    ]


def _builder(name: str) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        from litert_quantizer import recipe
        from litert_quantizer.quantizer import Quantizer

        # Its calibration needs a signature, which files of TFLiteConverter have.
        float_file = converter.float_file(subject.model)
        quantizer = Quantizer(float_file, getattr(recipe, name)())
        calibration = None
        if quantizer.need_calibration:
            data = {"serving_default": _inputs(subject)}
            calibration = quantizer.calibrate(data, num_threads=1)
        quantized = quantizer.quantize(calibration).quantized_model
        return Built({converter.FILE: bytes(quantized)})

    return build


def _inputs(subject: Subject) -> list[dict[str, NDArray[np.float32]]]:
    """Return the calibration samples, each as the inputs of a signature: float32 [1, h, w, c]."""
    input_name = subject.model.inputs[0].name
    samples = subject.calibration_samples()
    return [{input_name: samples[number : number + 1]} for number in range(len(samples))]
