"""litert-quantizer with its own recipes and its own calibration.

Source: https://github.com/google-ai-edge/LiteRT/tree/main/litert_quantizer
"""

from collections.abc import Callable

from benchmarks.peers import converter
from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

WHO = "litert-quantizer"
RECIPES = {
    "static_wi8_ai8": "int8",
    "static_wi8_ai16": "int16x8",
    "dynamic_wi8_afp32": "dynamic",
    "weight_only_wi8_afp32": "dynamic",
    "dynamic_wi4_afp32": "int4_weights",
    "weight_only_wi4_afp32": "int4_weights",
}


def makers() -> list[Maker]:
    """Return one for each of its recipes for such models."""
    return [
        Maker(WHO, recipe, "litert", scheme, _builder(recipe)) for recipe, scheme in RECIPES.items()
    ]


def _builder(name: str) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        from litert_quantizer import recipe
        from litert_quantizer.quantizer import Quantizer

        # Its calibration needs a signature, which files of TFLiteConverter have.
        quantizer = Quantizer(converter.in_float(subject.model), getattr(recipe, name)())
        found = None
        if quantizer.need_calibration:
            word = subject.model.inputs[0].name
            examples = subject.calibration()
            data = [{word: examples[i : i + 1]} for i in range(len(examples))]
            found = quantizer.calibrate({"serving_default": data}, num_threads=1)
        return Built({converter.FILE: bytes(quantizer.quantize(found).quantized_model)})

    return build
