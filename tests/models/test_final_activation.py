"""The activation function of an output is found behind what keeps or sums its values."""

from collections.abc import Hashable, Mapping

import pytest
from onnx import TensorProto, helper

from edgebake.models.final_activation import OperatorKinds, Producer, find
from edgebake.models.onnx import final_activation as of_onnx
from edgebake.models.tflite import final_activation as of_tflite
from edgebake.models.tflite import tables
from tests import handmade

KINDS = OperatorKinds({"Softmax": "softmax", "Dense": "linear"}, moves=["Flat"], sums=["Add"])
X, A, B = "x", "a", "b"


@pytest.mark.parametrize(
    ("producers", "activation"),
    [
        ({X: Producer("Softmax", ("logits",))}, "softmax"),
        ({X: Producer("Flat", (A,)), A: Producer("Softmax", ("logits",))}, "softmax"),
        ({X: Producer("Add", (A,)), A: Producer("Dense", ("image",))}, "linear"),
        (
            {
                X: Producer("Add", (A, B)),
                A: Producer("Dense", ("image",)),
                B: Producer("Dense", ("image",)),
            },
            "linear",
        ),
        # The mean of two answers may be a probability or not.
        (
            {
                X: Producer("Add", (A, B)),
                A: Producer("Softmax", ("one",)),
                B: Producer("Softmax", ("two",)),
            },
            None,
        ),
        (
            {
                X: Producer("Add", (A, B)),
                A: Producer("Softmax", ("one",)),
                B: Producer("Dense", ("image",)),
            },
            None,
        ),
        ({X: Producer("Add", (A,))}, None),  # the image itself
        ({X: Producer("Flat", ())}, None),
        ({X: Producer("Flat", (X,))}, None),  # a damaged graph ends
        ({X: Producer("Relu", (A,))}, None),
        ({}, None),
    ],
)
def test_what_computes_an_output(
    producers: Mapping[Hashable, Producer], activation: str | None
) -> None:
    assert find(X, producers, KINDS) == activation


def test_a_bias_of_an_onnx_graph_is_no_input() -> None:
    nodes = [
        helper.make_node("MatMul", ["image", "kernel"], ["product"]),
        helper.make_node("Constant", [], ["bias"], value_floats=[1.0, 2.0]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Flatten", ["sum"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])
    kernel = helper.make_tensor("kernel", TensorProto.FLOAT, [3, 2], [0.0] * 6)
    graph = helper.make_graph(nodes, "net", [image], [logits], [kernel])
    assert of_onnx.of_graph(graph) == "linear"


def test_a_fused_activation_of_a_tflite_is_another_function() -> None:
    model = tables.parse(handmade.constant_tflite(7))
    assert of_tflite.of_graph(model) == "linear"
    (operator,) = model.subgraphs[0].operators
    operator.builtinOptions.fusedActivationFunction = 1  # RELU
    assert of_tflite.of_graph(model) is None
