"""Sums of int16 tensors whose scales are nearly powers of two, as pixels of -1 to 1 have them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgebake.recipe import DType, Granularity
from edgebake.runtimes.litert import FILE, quantizer
from edgebake.runtimes.litert.quantizer import IntegerOptions
from tests.runtimes.litert.programs import Op, files

SHAPE = [1, 4]
IMAGE = np.array([[-1, -0.25, 0.5, 1]], np.float32)


@dataclass(frozen=True)
class KnownRanges:
    """A float file and the ranges of its tensors."""

    model: bytes
    bounds: dict[str, tuple[float, float]]


@pytest.mark.parametrize(("kind", "options"), [("ADD", "AddOptions"), ("SUB", "SubOptions")])
@pytest.mark.parametrize("is_fallback", [False, True])
def test_a_sum_with_a_smaller_scale_than_its_input(
    kind: str, options: str, is_fallback: bool
) -> None:
    operators = [
        Op("MUL", ["image", "two"], "doubled", "MulOptions"),
        Op(kind, ["doubled", "half"], "answer", options),
    ]
    tensors = dict.fromkeys(("image", "doubled", "answer"), ("float32", SHAPE))
    constants = {"two": np.array([2], np.float32), "half": np.array([0.5], np.float32)}
    bounds = {"image": (-1.0, 1.0), "doubled": (-2.0, 2.0), "answer": (-1.0, 1.0)}
    model = KnownRanges(files(operators, tensors, constants)[FILE], bounds)
    integers = IntegerOptions("int16", Granularity.per_channel)
    if is_fallback:
        names = ["doubled", "answer"]
        integers = IntegerOptions("int8", Granularity.per_channel, DType.int16, names)
    quantized = quantizer.quantize_integers(model, integers)  # type: ignore[arg-type]
    sign = 1 if kind == "ADD" else -1
    expected = np.clip(2 * IMAGE + sign * 0.5, -1, 1)
    tolerance = 0.02 if is_fallback else 2e-4
    np.testing.assert_allclose(_answer(quantized), expected, atol=tolerance)


def _answer(model: bytes) -> Any:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    image, *_ = interpreter.get_input_details()
    output, *_ = interpreter.get_output_details()
    scale, zero_point = image["quantization"]
    stored = np.rint(IMAGE / scale) + zero_point
    limits = np.iinfo(image["dtype"])
    stored = stored.clip(limits.min, limits.max).astype(image["dtype"])
    interpreter.set_tensor(image["index"], stored)
    interpreter.invoke()
    scale, zero_point = output["quantization"]
    steps = interpreter.get_tensor(output["index"]).astype(np.float32) - zero_point
    return steps * scale
