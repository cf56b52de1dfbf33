"""ONNX Runtime says itself what it computes in floats."""

import numpy as np
import onnx
import pytest

from edgebake.errors import ConversionError
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import kernels, quantizer
from tests.runtimes.onnxruntime import programs


def _quantized(kind: str) -> bytes:
    """Return a file of one operator between boundaries."""
    model = programs.graph([(kind, "image", "probabilities", {})], {}, programs.SHAPE)
    names = {"image": "image_d", "probabilities": "result"}
    node = model.graph.node[0]
    node.input[:], node.output[:] = [names["image"]], [names["probabilities"]]
    boundaries = [("image", "image_q", "image_d"), ("result", "result_q", "probabilities")]
    for source, integers, target in boundaries:
        steps = [f"{source}_scale", f"{source}_zero"]
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(1 / 127, np.float32), steps[0])
        )
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(128, np.uint8), steps[1])
        )
        pair = [
            onnx.helper.make_node("QuantizeLinear", [source, *steps], [integers]),
            onnx.helper.make_node("DequantizeLinear", [integers, *steps], [target]),
        ]
        model.graph.node.extend(pair)
    nodes = list(model.graph.node)
    ordered = [
        onnx.NodeProto.FromString(entry.SerializeToString())
        for entry in [*nodes[1:3], nodes[0], *nodes[3:]]
    ]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    onnx.checker.check_model(model)
    result: bytes = model.SerializeToString()
    return result


@pytest.mark.parametrize("kind", ["Sigmoid", "Softmax"])
def test_what_has_an_integer_kernel_gets_it(kind: str) -> None:
    assert kernels.float_tensors(_quantized(kind)) == set()


@pytest.mark.parametrize("kind", ["Tanh", "Exp", "Abs"])
def test_what_has_none_is_found_though_it_stands_between_boundaries(kind: str) -> None:
    assert kernels.float_tensors(_quantized(kind)) == {"result"}


def test_all_of_a_float_file_is_in_float() -> None:
    floats = kernels.float_tensors(programs.small().SerializeToString())
    assert "probabilities" in floats


def test_what_feeds_floats_to_what_is_in_float_is_too() -> None:
    nodes: list[programs.Node] = [
        ("Tanh", "image", "first", {}),
        ("Neg", "first", "second", {}),
        ("Sigmoid", "second", "probabilities", {}),
    ]
    model = programs.graph(nodes, {}, programs.SHAPE)
    program = CalibratedGraph(model, programs.ranges(model))
    made = quantizer.quantize_integers(program, quantizer.IntegerOptions(Granularity.per_channel))
    assert kernels.float_tensors(made.SerializeToString()) == {"first", "second"}


def test_the_verdict_takes_no_notice_of_the_processors_layouts() -> None:
    kinds = programs.kinds(kernels.optimize(programs.small().SerializeToString()))
    assert "ReorderInput" not in kinds


def test_a_file_that_onnx_runtime_cannot_load_is_named() -> None:
    message = r"^model\.onnx: ONNX Runtime failed \(ValueError: no ONNX model\); expected"
    with pytest.raises(ConversionError, match=message):
        kernels.optimize(b"no model")
