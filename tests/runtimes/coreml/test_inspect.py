"""Inspection of a package: image, operators with their dtypes, and storage of weights."""

import numpy as np

from edgebake.runtimes.coreml.inspect import inspect
from edgebake.runtimes.session import Operator
from tests.runtimes.coreml.programs import (
    Argument,
    Image,
    Op,
    Typed,
    compressed,
    constant,
    files,
    half,
    labels,
    op,
    real,
    text,
)
from tests.runtimes.coreml.test_run import HALF

ANSWER: dict[str, Typed] = {"label": ("string", ()), "scores": ("dictionary", ())}
HEAD = Op("classify", {"probabilities": "y", "classes": labels(["no", "yes"])}, ANSWER)


def test_an_image_goes_in_and_a_dictionary_comes_out() -> None:
    inspection = inspect(HALF)
    assert (inspection.input.name, inspection.input.shape, inspection.input.dtype) == (
        "image",
        [1, 1, 2, 1],
        "image",
    )
    assert (inspection.output.name, inspection.output.dtype) == (
        "dictionary",
        "dictionary of label to probability",
    )
    assert inspection.tensors["float16"] == 3  # cast, flat and probabilities
    assert [operator.name for operator in inspection.operators] == [
        "cast",
        "reshape",
        "mul",
        "classify",
    ]


def test_an_operator_between_dequantized_values_computes_in_int8() -> None:
    quantization: dict[str, Argument] = {
        "scale": constant(np.float16(0.5)),
        "output_dtype": text("int8"),
    }
    steps = [
        op("quantize", {"input": "x", **quantization}, q=("int8", (1, 2))),
        op("dequantize", {"input": "q", "scale": constant(np.float16(0.5))}, d=half(1, 2)),
        op("linear", {"x": "d", "weight": constant(np.ones((2, 2), np.float16))}, l=half(1, 2)),
        op("relu", {"x": "l"}, y=half(1, 2)),
        HEAD,
    ]
    inspection = inspect(
        files({"image": Image("GRAYSCALE", 1, 2), "x": half(1, 2)}, steps, ["label", "scores"])
    )
    assert Operator("linear", ("int8",)) in inspection.operators
    assert Operator("relu", ("float16",)) in inspection.operators
    assert inspection.boundaries == {"quantize": 1, "dequantize": 1}


def test_compressed_weights_are_named_by_how_they_are_stored() -> None:
    lut: dict[str, Argument] = {
        "lut": constant(np.array([1, 2], np.float32)),
        "indices": constant(np.array([2], np.uint8)),
        "shape": np.array([1, 2], np.uint32),
    }
    affine: dict[str, Argument] = {
        "quantized_data": constant(np.array([[1, 2]], np.int8)),
        "scale": constant(np.float32(0.5)),
        "zero_point": constant(np.int8(0)),
        "axis": constant(np.int32(0)),
    }
    steps = [
        compressed("constexpr_lut_to_dense", lut, a=real(1, 2)),
        compressed("constexpr_affine_dequantize", affine, b=real(1, 2)),
        op("add", {"x": "a", "y": "b"}, c=real(1, 2)),
        op("add", {"x": "x", "y": "c"}, y=real(1, 2)),
        HEAD,
    ]
    inspection = inspect(
        files({"image": Image("GRAYSCALE", 1, 2), "x": real(1, 2)}, steps, ["label", "scores"])
    )
    assert (inspection.tensors["palette"], inspection.tensors["int8"]) == (
        1,
        2,
    )  # weights and their zero point
    assert "sparse" not in inspection.tensors
