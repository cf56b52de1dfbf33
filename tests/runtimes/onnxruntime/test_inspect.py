"""Inspection of a small file in QDQ form: its integer operators and its float operators."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.canonical import canonicalize
from edgebake.recipe import DType, Granularity
from edgebake.runtimes.onnxruntime import FILE, integer_io, kernels, quantizer, scales
from edgebake.runtimes.onnxruntime.inspect import inspect
from edgebake.runtimes.session import Inspection, Operator
from tests.runtimes.onnxruntime import programs

FLOAT = onnx.TensorProto.FLOAT
CONV, SOFTMAX = Operator("Conv", ("int8",)), Operator("Softmax", ("float32",))


def _inspected(nodes: list[onnx.NodeProto]) -> Inspection:
    """Return what a file says in which `nodes` lead from `image` to `probabilities`."""
    constants: dict[str, NDArray[Any]] = {
        "kernel": np.ones((2, 1, 2, 2), np.int8),
        "scale": np.array(0.1, np.float32),
        "zero": np.array(128, np.uint8),
        "kernel_zero": np.array(0, np.int8),
    }
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("image", FLOAT, [1, 1, 4, 4])],
        [helper.make_tensor_value_info("probabilities", FLOAT, [1, 2, 3, 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return inspect({FILE: model.SerializeToString()})


def _quantize(source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("QuantizeLinear", [source, "scale", "zero"], [target])


def _dequantize(source: str, target: str, zero: str = "zero") -> onnx.NodeProto:
    return helper.make_node("DequantizeLinear", [source, "scale", zero], [target])


def _convolution(target: str) -> list[onnx.NodeProto]:
    """Return a convolution between its boundaries, from `image` to the integers `target`."""
    return [
        _quantize("image", "image_q"),
        _dequantize("image_q", "image_d"),
        _dequantize("kernel", "kernel_d", zero="kernel_zero"),
        helper.make_node("Conv", ["image_d", "kernel_d"], ["sum"]),
        _quantize("sum", target),
    ]


def test_an_operator_between_boundaries_counts_as_int8() -> None:
    inspection = _inspected([*_convolution("sum_q"), _dequantize("sum_q", "probabilities")])
    assert inspection.operators == [CONV]
    assert inspection.float_operators() == []


def test_an_operator_whose_output_stays_in_float_is_found() -> None:
    softmax = helper.make_node("Softmax", ["sum_d"], ["probabilities"], axis=1)
    inspection = _inspected([*_convolution("sum_q"), _dequantize("sum_q", "sum_d"), softmax])
    assert inspection.operators == [CONV, SOFTMAX]
    assert inspection.float_operators() == ["Softmax"]


def test_an_operator_whose_input_comes_in_float_is_found() -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["relu"]),
        *(_renamed(node) for node in _convolution("sum_q")),
        _dequantize("sum_q", "probabilities"),
    ]
    assert _inspected(nodes).float_operators() == ["Relu"]


def _renamed(node: onnx.NodeProto) -> onnx.NodeProto:
    node.input[:] = ["relu" if name == "image" else name for name in node.input]
    return node


def test_an_output_that_is_also_read_in_float_keeps_its_operator_in_float() -> None:
    nodes = [
        *_convolution("sum_q"),
        _dequantize("sum_q", "sum_d"),
        helper.make_node("Add", ["sum", "sum_d"], ["probabilities"]),
    ]
    assert _inspected(nodes).float_operators() == ["Add", "Conv"]


def test_a_float_file_is_in_float() -> None:
    nodes = [
        _dequantize("kernel", "kernel_d", zero="kernel_zero"),
        helper.make_node("Conv", ["image", "kernel_d"], ["probabilities"]),
    ]
    assert _inspected(nodes).operators == [Operator("Conv", ("float32",))]


def test_boundaries_are_no_operators_and_every_tensor_is_counted() -> None:
    inspection = _inspected([*_convolution("sum_q"), _dequantize("sum_q", "probabilities")])
    assert inspection.operator_counts() == [{"operator": "Conv", "dtypes": ["int8"], "count": 1}]
    assert inspection.boundaries == {"QuantizeLinear": 2, "DequantizeLinear": 3}
    assert inspection.tensors == {
        "float32": 6,  # image, image_d, kernel_d, sum, probabilities, scale
        "uint8": 3,  # image_q, sum_q, zero
        "int8": 2,  # kernel, kernel_zero
    }


def test_input_and_output_are_as_the_app_sees_them() -> None:
    inspection = _inspected([*_convolution("sum_q"), _dequantize("sum_q", "probabilities")])
    assert (inspection.input.name, inspection.input.shape, inspection.input.dtype) == (
        "image",
        [1, 1, 4, 4],
        "float32",
    )
    assert (inspection.output.name, inspection.output.shape) == ("probabilities", [1, 2, 3, 3])
    assert inspection.input.scale is None


def test_an_operator_without_an_integer_kernel_is_in_float_wherever_it_stands() -> None:
    nodes = [
        *_convolution("sum_q"),
        _dequantize("sum_q", "sum_d"),
        helper.make_node("Tanh", ["sum_d"], ["tanh"]),
        _quantize("tanh", "tanh_q"),
        _dequantize("tanh_q", "probabilities"),
    ]
    inspection = _inspected(nodes)
    assert inspection.operators == [CONV, Operator("Tanh", ("float32",))]


def test_what_is_made_of_constants_alone_is_no_operator() -> None:
    nodes = [
        helper.make_node("Cast", ["scale"], ["kept"], to=FLOAT),
        *_convolution("sum_q"),
        _dequantize("sum_q", "sum_d"),
        helper.make_node("Mul", ["sum_d", "kept"], ["probabilities"]),
    ]
    assert [operator.name for operator in _inspected(nodes).operators] == ["Conv", "Mul"]


def test_a_file_of_floats_alone_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "float_tensors", lambda _: pytest.fail("loaded"))
    softmax = helper.make_node("Conv", ["image", "kernel_d"], ["probabilities"])
    _inspected([_dequantize("kernel", "kernel_d", zero="kernel_zero"), softmax])


def test_integer_ends_say_what_they_stand_for() -> None:
    program = programs.prepared()
    model = quantizer.quantize_integers(program, quantizer.IntegerOptions(Granularity.per_channel))
    model = canonicalize(
        integer_io.convert_outputs(
            integer_io.convert_inputs(model, DType.uint8, program.bounds),
            DType.int8,
            program.bounds,
        )
    )
    helper.set_model_props(model, scales.io_scales(model.graph))
    inspection = inspect({FILE: model.SerializeToString()})
    assert (inspection.input.dtype, inspection.output.dtype) == ("uint8", "int8")
    low, high = program.bounds["image"]
    assert inspection.input.scale == pytest.approx((high - low) / 255)
    assert (inspection.output.scale, inspection.output.zero_point) == (
        float(np.float32(1 / 255)),
        -128,
    )
    assert inspection.float_operators() == []


def test_what_moves_the_image_before_it_is_quantized_may_be_in_float() -> None:
    model = canonicalize(
        quantizer.quantize_integers(
            programs.prepared(), quantizer.IntegerOptions(Granularity.per_channel)
        )
    )
    assert inspect({FILE: model.SerializeToString()}).float_operators() == ["Transpose"]
