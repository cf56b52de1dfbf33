"""Worked numbers of small weights, and graphs that say the same with them."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgebake.runtimes.onnxruntime import weights
from edgebake.runtimes.onnxruntime.weights import ScaleLayout
from tests.runtimes.onnxruntime import programs

INT4, INT8, HALF = onnx.TensorProto.INT4, onnx.TensorProto.INT8, onnx.TensorProto.FLOAT16


def test_a_scale_for_each_channel() -> None:
    integers, scales = weights.round_weights(
        np.array([[7, -3.4, 0], [0.7, 0.14, -0.7]], np.float32), 7, ScaleLayout(0)
    )
    np.testing.assert_allclose(scales, np.array([1, 0.1], np.float32))
    assert integers.tolist() == [[7, -3, 0], [7, 1, -7]]


def test_a_scale_for_each_block() -> None:
    values = np.array([[7, 3.5, 0.7, 0], [0, 0, 14, -14]], np.float32)
    integers, scales = weights.round_weights(values, 7, ScaleLayout(1, 2))
    np.testing.assert_allclose(scales, np.array([[1, 0.1], [1, 2]], np.float32))
    assert integers.tolist() == [[7, 4, 7, 0], [0, 0, 7, -7]]


def test_blocks_of_the_first_axis() -> None:
    values = np.array([[7, 0.7], [1, 0.1], [14, 0], [0, 0]], np.float32)
    integers, scales = weights.round_weights(values, 7, ScaleLayout(0, 2))
    np.testing.assert_allclose(scales, np.array([[1, 0.1], [2, 1]], np.float32))
    assert integers.tolist() == [[7, 7], [1, 1], [7, 0], [0, 0]]


def _held(model: onnx.ModelProto) -> dict[str, Any]:
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}


def _layout_attributes(model: onnx.ModelProto) -> dict[str, dict[str, int]]:
    return {
        node.output[0]: {attribute.name: attribute.i for attribute in node.attribute}
        for node in model.graph.node
        if node.op_type == "DequantizeLinear"
    }


def test_blocks_are_of_input_channels_where_they_divide() -> None:
    model = weights.quantize_int4(programs.small(), 4)
    assert _layout_attributes(model) == {
        "wide_float": {"axis": 0},  # 3 channels go in
        "narrow_float": {"axis": 1, "block_size": 4},
        "deep_float": {"axis": 0},
        "dense_float": {"axis": 0, "block_size": 4},
    }
    shapes = {name: value.shape for name, value in _held(model).items() if name.endswith("scales")}
    assert shapes == {
        "wide_scales": (8,),
        "narrow_scales": (8, 2, 1, 1),
        "deep_scales": (8,),
        "dense_scales": (2, 4),
    }


def test_depthwise_weights_are_int8_and_all_others_int4() -> None:
    dtypes = programs.dtypes(weights.quantize_int4(programs.small(), None))
    packed = {name: number for name, number in dtypes.items() if name.endswith("integers")}
    assert packed == {
        "wide_integers": INT4,
        "narrow_integers": INT4,
        "deep_integers": INT8,
        "dense_integers": INT4,
    }
    assert not {"wide", "narrow", "deep", "dense"} & set(dtypes)
    assert {"wide_bias", "narrow_bias", "deep_bias"} <= set(dtypes)


def test_int4_needs_a_newer_opset() -> None:
    model = weights.quantize_int4(programs.small(), 4)
    assert (model.opset_import[0].version, model.ir_version) == (21, 10)
    onnx.checker.check_model(model)


@pytest.mark.parametrize("block_size", [None, 4])
# Left to itself, ONNX Runtime rounds what goes into a dense layer of int4 weights to int8.
@pytest.mark.parametrize(("entries", "gap"), [({}, 5e-3), ({"disable_quant_qdq": "1"}, 1e-5)])
def test_int4_answers_as_its_weights_say(
    block_size: int | None, entries: dict[str, Any], gap: float
) -> None:
    model = weights.quantize_int4(programs.small(), block_size)
    written = programs.answers(model, fused=False)
    np.testing.assert_allclose(programs.answers(model, **entries), written, atol=gap)
    np.testing.assert_allclose(written, programs.answers(programs.small()), atol=0.15)


def test_a_dense_layer_may_lie_the_other_way() -> None:
    nodes: list[programs.Node] = [
        ("Flatten", "image", "flat", {}),
        ("Gemm", "flat dense", "probabilities", {"transB": 1}),
    ]
    dense = np.random.default_rng(0).normal(size=(4, 108)).astype(np.float32)
    model = weights.quantize_int4(programs.graph(nodes, {"dense": dense}, [1, 4]), 54)
    assert _layout_attributes(model) == {"dense_float": {"axis": 1, "block_size": 54}}
    assert _held(model)["dense_scales"].shape == (4, 2)


def test_weights_of_two_nodes_are_stored_once() -> None:
    nodes: list[programs.Node] = [
        ("MatMul", "image dense", "once", {}),
        ("MatMul", "once dense", "probabilities", {}),
    ]
    model = weights.quantize_int4(
        programs.graph(nodes, {"dense": np.eye(3, dtype=np.float32)}, programs.SHAPE), None
    )
    assert programs.kinds(model) == ["DequantizeLinear", "MatMul", "MatMul"]
    np.testing.assert_allclose(programs.answers(model), programs.EXAMPLES, rtol=1e-5)


def test_halved_weights_are_stored_as_float16_and_the_rest_is_not() -> None:
    model = weights.store_float16(programs.small(), ["sum_node", "flat_node"])
    dtypes = programs.dtypes(model)
    assert dtypes["wide_half"] == HALF
    assert "wide" not in dtypes
    assert dtypes["dense"] == onnx.TensorProto.FLOAT
    onnx.checker.check_model(model)
    expected = programs.small()
    for item in expected.graph.initializer:
        if item.name == "wide":
            half = numpy_helper.to_array(item).astype(np.float16).astype(np.float32)
            item.CopyFrom(numpy_helper.from_array(half, "wide"))
    np.testing.assert_array_equal(programs.answers(model), programs.answers(expected))


def test_nothing_halved_changes_nothing() -> None:
    model = programs.small()
    assert helper.printable_graph(
        weights.store_float16(programs.small(), []).graph
    ) == helper.printable_graph(model.graph)
