"""What LiteRT's delegate for the GPU wants, and that its analyzer no longer tells."""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert._pywrap_analyzer_wrapper import ModelAnalyzer

from edgebake.runtimes.delegates.table import find_delegate
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.placement import CHECKS, _analyzer_warnings
from edgebake.runtimes.workload import weightless_operators
from tests import placements
from tests.runtimes.litert.programs import Op, files

GPU = find_delegate("litert", "android", "gpu", [])
TENSOR = find_delegate("litert", "android", "npu", ["Tensor G3"])
OLD_REPORT = """
Subgraph#0 main(T#0) -> [T#31]
  Op#0 EXPAND_DIMS(T#0, T#13[1]) -> [T#15]
GPU COMPATIBILITY WARNING: Not supported op EXPAND_DIMS
  Op#1 TILE(T#15, T#7[1, 4, 1]) -> [T#16]
  Op#12 SHAPE(T#0) -> [T#17]
GPU COMPATIBILITY WARNING: Not supported op SHAPE

GPU COMPATIBILITY WARNING: Subgraph#0 has GPU delegate compatibility issues at nodes 0, 12 with TFLite runtime version 2
"""  # noqa: E501 - a line of TensorFlow's report


def answers(
    operators: list[Op], shapes: dict[str, list[int]], dtype: str = "float32", **constants: Any
) -> str:
    content = files(operators, {name: (dtype, shape) for name, shape in shapes.items()}, constants)
    (placement,) = placements.predict("litert", content, "android", ["gpu"], [])
    return placement.first_off


def reason_for(operator: Op, shapes: dict[str, list[int]], **constants: Any) -> str:
    return answers([operator], shapes, **constants).removeprefix("operator 1 of 1: ")


def test_every_operator_and_word_of_the_tables_is_one_that_exists() -> None:
    assert GPU is not None
    assert GPU.operators is not None
    assert TENSOR is not None
    known = set(vars(schema.BuiltinOperator))
    assert set(GPU.operators) <= known
    assert set(TENSOR.never) <= known
    assert weightless_operators("litert") <= known
    assert {word for expected in GPU.operators.values() for word in expected} <= set(CHECKS)
    dtypes = {name.lower() for name in vars(schema.TensorType)}
    assert set(GPU.hints) | set(TENSOR.hints) <= known | dtypes


def test_the_fields_that_the_table_looks_at_are_those_of_the_schema() -> None:
    assert GPU is not None
    options = {
        "FULLY_CONNECTED": "FullyConnectedOptions",
        "MIRROR_PAD": "MirrorPadOptions",
        "SOFTMAX": "SoftmaxOptions",
    }
    options["STRIDED_SLICE"] = "StridedSliceOptions"
    looking = {
        kind: expected["options"]
        for kind, expected in (GPU.operators or {}).items()
        if "options" in expected
    }
    assert looking.keys() == options.keys()
    for kind, expected in looking.items():
        assert set(expected) <= set(vars(getattr(schema, f"{options[kind]}T")()))


def test_the_analyzer_calls_every_file_compatible() -> None:
    # The day that it objects again, what it says counts: `unsupported_operators` reads it first.
    shapes = {"image": ("float32", [1, 2]), "out": ("float32", [1, 2])}
    content = files([Op("LSH_PROJECTION", ["image"], "out")], shapes, {})[FILE]
    report = ModelAnalyzer(content, False, True)
    assert "Your model looks compatible with GPU delegate" in report
    assert list(_analyzer_warnings(report)) == []


def test_what_an_analyzer_that_objects_says_is_read() -> None:
    assert list(_analyzer_warnings(OLD_REPORT)) == [
        (0, "Not supported op EXPAND_DIMS"),
        (12, "Not supported op SHAPE"),
    ]


def test_a_softmax_with_a_temperature_falls_off() -> None:
    shapes = {"image": [1, 2], "out": [1, 2]}
    assert (
        reason_for(Op("SOFTMAX", ["image"], "out", "SoftmaxOptions", {"beta": 1.0}), shapes) == ""
    )
    reason = reason_for(Op("SOFTMAX", ["image"], "out", "SoftmaxOptions", {"beta": 2.0}), shapes)
    assert reason == "SOFTMAX has beta 2.0, expected 1.0"


@pytest.mark.parametrize(
    ("channels", "filters", "reason"),
    [
        (3, 1, ""),
        (1, 4, ""),
        (3, 2, "DEPTHWISE_CONV_2D has 2 filters for each of 3 channels, expected 1"),
    ],
)
def test_a_depthwise_convolution_has_one_filter_for_each_channel_or_one_channel(
    channels: int, filters: int, reason: str
) -> None:
    options = {"depthMultiplier": filters, "strideH": 1, "strideW": 1}
    operator = Op(
        "DEPTHWISE_CONV_2D", ["image", "weights"], "out", "DepthwiseConv2DOptions", options
    )
    shapes = {"image": [1, 4, 4, channels], "out": [1, 4, 4, channels * filters]}
    assert (
        reason_for(operator, shapes, weights=np.ones((1, 3, 3, channels * filters), np.float32))
        == reason
    )


def test_a_mean_over_axes_that_are_computed_falls_off() -> None:
    shapes = {"image": [1, 4, 4, 3], "out": [1, 3]}
    axes = np.array([1, 2], np.int32)
    assert (
        reason_for(Op("MEAN", ["image", "axes"], "out", "ReducerOptions"), shapes, axes=axes) == ""
    )
    reason = reason_for(Op("MEAN", ["image", "image"], "out", "ReducerOptions"), shapes)
    assert reason == "MEAN has 2 inputs that are no constants, expected 1"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [(4, ""), (2, "PAD has an input of shape [2, 2], expected [3, 2] or [4, 2]")],
)
def test_padding_is_of_images(rows: int, reason: str) -> None:
    shape = [1, 4, 4, 3][-rows:]
    shapes = {"image": shape, "out": shape}
    assert (
        reason_for(
            Op("PAD", ["image", "sizes"], "out", "PadOptions"),
            shapes,
            sizes=np.zeros((rows, 2), np.int32),
        )
        == reason
    )


@pytest.mark.parametrize(
    ("shape", "reason"),
    [([1, 4, 4, 3], ""), ([4, 3], "SLICE has an input of 2 dimensions, expected 3 or 4")],
)
def test_a_slice_is_of_images(shape: list[int], reason: str) -> None:
    shapes = {"image": shape, "out": shape}
    constants = {"begin": np.zeros(len(shape), np.int32), "size": np.array(shape, np.int32)}
    assert (
        reason_for(
            Op("SLICE", ["image", "begin", "size"], "out", "SliceOptions"), shapes, **constants
        )
        == reason
    )


def test_tensors_of_images_have_at_most_four_dimensions() -> None:
    shapes = {"image": [1, 4, 4, 4], "out": [1, 1, 4, 4, 4]}
    assert reason_for(Op("RESHAPE", ["image"], "out"), shapes) == (
        "RESHAPE has a tensor of 5 dimensions, expected at most 4"
    )


def test_a_product_of_a_tensor_with_itself_falls_off() -> None:
    # LiteRT's accelerator for Linux ends the process.
    shapes = {"image": [1, 4, 4], "other": [1, 4, 4], "out": [1, 4, 4]}
    itself = Op("BATCH_MATMUL", ["image", "image"], "out", "BatchMatMulOptions")
    assert reason_for(itself, shapes) == "BATCH_MATMUL reads the same tensor twice"
    shared = [
        Op("RELU", ["image"], "other"),
        Op("BATCH_MATMUL", ["image", "other"], "out", "BatchMatMulOptions"),
    ]
    assert answers(shared, shapes) == ""


def test_a_number_of_inputs() -> None:
    reason = reason_for(Op("ADD", ["image"], "out", "AddOptions"), {"image": [1, 2], "out": [1, 2]})
    assert reason == "ADD has 1 inputs, expected 2"


def test_sixteen_bit_integers_fall_off() -> None:
    content = files(
        [Op("RELU", ["image"], "out")], {"image": ("int16", [1, 2]), "out": ("int16", [1, 2])}, {}
    )
    (placement,) = placements.predict("litert", content, "android", ["gpu"], [])
    assert (
        placement.first_off == "operator 1 of 1: RELU computes in int16, which litert_gpu does not"
    )
    assert placement.hint == "quantize to int8, or ship float16 weights"
    (placement,) = placements.predict("litert", content, "android", ["npu"], ["Tensor G3"])
    assert placement.first_off == ""


def test_casts_at_the_ends_and_stored_halves_are_not_placed() -> None:
    operators = [
        Op("DEQUANTIZE", ["halves"], "weights"),
        Op("FULLY_CONNECTED", ["image", "weights"], "logits", "FullyConnectedOptions"),
        Op("SQUEEZE", ["logits"], "out"),
    ]
    shapes = {"image": [1, 6], "weights": [2, 6], "logits": [1, 2], "out": [1, 2]}
    reason = answers(operators, shapes, halves=np.ones((2, 6), np.float16))
    assert reason == "operator 2 of 2: litert_gpu does not run SQUEEZE"


def test_an_operator_that_googles_compiler_is_never_given_falls_off() -> None:
    content = files(
        [Op("SHAPE", ["image"], "out")], {"image": ("float32", [1, 2]), "out": ("int32", [2])}, {}
    )
    (placement,) = placements.predict("litert", content, "android", ["npu"], ["Tensor G3"])
    assert (placement.operators, placement.first_off) == (
        0.0,
        "operator 1 of 1: litert_google_tensor does not run SHAPE",
    )
    assert placement.hint == "convert with a fixed input size"
