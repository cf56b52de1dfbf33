"""Integer kernels, weights made at load, and what is only known when the file runs."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx import float_graph
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.workload import workload
from edgebake.runtimes.workload import Uncounted
from tests.runtimes.onnxruntime import programs

FLOAT = onnx.TensorProto.FLOAT
STEPS: dict[str, NDArray[Any]] = {"step": np.array(0.1, np.float32), "zero": np.array(0, np.int8)}


def made(
    nodes: list[onnx.NodeProto],
    constants: dict[str, NDArray[Any]],
    shapes: tuple[list[int], list[int]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("image", FLOAT, shapes[0])],
        [helper.make_tensor_value_info("probabilities", FLOAT, shapes[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


def steps(name: str) -> list[str]:
    return [name, "step", "zero"]


def integers() -> bytes:
    """Return a dense layer in integers, 6 inputs for 2 answers, its ends in floats."""
    nodes = [
        helper.make_node("QuantizeLinear", steps("image"), ["image_integers"]),
        helper.make_node("DequantizeLinear", steps("image_integers"), ["image_real"]),
        helper.make_node("DequantizeLinear", steps("weights"), ["weights_real"]),
        helper.make_node("MatMul", ["image_real", "weights_real"], ["sum"], name="dense"),
        helper.make_node("QuantizeLinear", steps("sum"), ["sum_integers"]),
        helper.make_node("DequantizeLinear", steps("sum_integers"), ["probabilities"]),
    ]
    return made(nodes, {"weights": np.ones((6, 2), np.int8), **STEPS}, ([1, 6], [1, 2]))


def test_casts_are_parts_of_the_integer_kernel() -> None:
    counts = workload({FILE: integers()})
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("MatMul", "int8", 12, 12)]
    assert counts.activation_peak_bytes == 6 + 2
    assert counts.weight_bytes == 12


def test_weights_made_floats_at_load_move_as_they_are_stored() -> None:
    nodes = [
        helper.make_node("Cast", ["halves"], ["weights"], to=FLOAT),
        helper.make_node("MatMul", ["image", "weights"], ["probabilities"], name="dense"),
    ]
    counts = workload(
        {FILE: made(nodes, {"halves": np.ones((6, 2), np.float16)}, ([1, 6], [1, 2]))}
    )
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("MatMul", "float32", 12, 12)]
    assert counts.weight_bytes == 24


def test_an_answer_that_goes_to_integers_and_to_floats_is_written_twice() -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["both"], name="relu"),
        helper.make_node("QuantizeLinear", steps("both"), ["both_integers"]),
        helper.make_node("DequantizeLinear", steps("both_integers"), ["both_real"]),
        helper.make_node("Add", ["both", "both_real"], ["probabilities"], name="add"),
    ]
    counts = workload({FILE: made(nodes, STEPS, ([1, 6], [1, 6]))})
    assert counts.operations[0].writes == ("both_integers", "both")
    assert counts.operations[1].reads == ("both", "both_integers")
    assert [operation.dtype for operation in counts.operations] == ["float32", "float32"]


def test_a_transposed_convolution_and_a_transposed_product() -> None:
    nodes = [
        helper.make_node("ConvTranspose", ["image", "filters"], ["wide"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["wide"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["probabilities"], transB=1),
    ]
    constants = {
        "filters": np.ones((3, 5, 2, 2), np.float32),
        "weights": np.ones((7, 5), np.float32),
    }
    counts = workload({FILE: made(nodes, constants, ([1, 3, 4, 4], [1, 7]))})
    assert [operation.macs for operation in counts.operations] == [
        4 * 4 * 3 * 5 * 2 * 2,
        0,
        0,
        5 * 7,
    ]
    assert counts.parameters == 3 * 5 * 2 * 2 + 7 * 5


def test_a_graph_and_its_quantized_form_multiply_the_same() -> None:
    model = float_graph.use_average_pools(programs.small())
    counts = workload({FILE: model.SerializeToString()})
    dense, wide, narrow, deep = 8 * 4, 36 * 8 * 27, 8 * 8, 36 * 8 * 9
    assert [operation.macs for operation in counts.operations if operation.macs] == [
        wide,
        narrow,
        deep,
        dense,
    ]
    assert counts.parameters == 8 * 27 + 8 + 64 + 8 + 72 + 8 + 32


def test_a_size_that_is_only_known_when_the_file_runs_is_not_guessed() -> None:
    nodes = [
        helper.make_node("NonZero", ["image"], ["places"]),
        helper.make_node("Cast", ["places"], ["x"], to=FLOAT),
    ]
    nodes.append(helper.make_node("ReduceSum", ["x"], ["probabilities"], keepdims=1))
    with pytest.raises(
        Uncounted,
        match=r"^NonZero: its multiply-accumulates are not known; "
        r"known operators: Conv, ConvInteger",
    ):
        workload({FILE: made(nodes, {}, ([1, 6], [1, 1]))})
    relu = helper.make_node("Relu", ["image"], ["probabilities"])
    with pytest.raises(Uncounted, match=r"^image: its size is only known when the file runs$"):
        workload({FILE: made([relu], {}, ([0, 6], [0, 6]))})


def test_the_empty_region_of_a_resize_has_a_known_size() -> None:
    node = helper.make_node("Resize", ["image", "region", "scales"], ["probabilities"])
    constants = {"region": np.zeros(0, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}
    counts = workload({FILE: made([node], constants, ([1, 1, 2, 2], [1, 1, 4, 4]))})
    assert [operation.kind for operation in counts.operations] == ["Resize"]
