"""Weights of ONNX models in other files, wherever the model holds a tensor."""

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from edgebake.errors import ModelError
from edgebake.models.onnx.external_data import refuse_external_data, refuse_external_data_in
from edgebake.runtimes.onnxruntime import FILE, kernels, run

IMAGE = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
OUTPUT = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])


def tensor(location: str | None = "../secret") -> onnx.TensorProto:
    if location is None:
        return helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    external = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    external.data_location = TensorProto.EXTERNAL
    entry = external.external_data.add()
    entry.key, entry.value = "location", location
    return external


def constant(value: onnx.TensorProto) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["w"], value=value)


def product() -> onnx.NodeProto:
    return helper.make_node("Mul", ["x", "w"], ["y"])


def model(
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto] | None = None,
    functions: list[onnx.FunctionProto] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", [IMAGE], [OUTPUT], weights or [])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions or [])


def in_weights(location: str | None) -> onnx.ModelProto:
    return model([product()], [tensor(location)])


def in_constant(location: str | None) -> onnx.ModelProto:
    return model([constant(tensor(location)), product()])


def in_branch(location: str | None) -> onnx.ModelProto:
    branch = helper.make_graph([constant(tensor(location))], "branch", [], [OUTPUT])
    inner = helper.make_node("If", ["condition"], ["w"], then_branch=branch, else_branch=branch)
    outer = helper.make_graph([inner], "outer", [], [OUTPUT])
    node = helper.make_node("If", ["condition"], ["y"], then_branch=outer, else_branch=outer)
    return model([node])


def in_function(location: str | None) -> onnx.ModelProto:
    nodes = [constant(tensor(location)), product()]
    function = helper.make_function("mine", "F", ["x"], ["y"], nodes, [helper.make_opsetid("", 17)])
    return model([helper.make_node("F", ["x"], ["y"], domain="mine")], functions=[function])


def in_sparse_weights(location: str | None) -> onnx.ModelProto:
    sparse = onnx.SparseTensorProto(values=tensor(location), dims=[1])
    result = model([product()])
    result.graph.sparse_initializer.append(sparse)
    return result


@pytest.mark.parametrize(
    "place", [in_weights, in_constant, in_branch, in_function, in_sparse_weights]
)
def test_a_tensor_in_another_file_is_refused(
    place: Callable[[str | None], onnx.ModelProto],
) -> None:
    refuse_external_data(place(None))
    with pytest.raises(ModelError) as refused:
        refuse_external_data(place("../secret"))
    assert str(refused.value) == (
        "the tensor w of an ONNX model lies in another file; expected all weights in the model "
        "itself; build it again"
    )


def test_a_converted_file_of_a_cache_reads_no_other_file() -> None:
    file = in_weights("../secret").SerializeToString()
    with pytest.raises(ModelError, match="the tensor w of an ONNX model lies in another file"):
        run.load({FILE: file}, 1)
    with pytest.raises(ModelError, match="the tensor w of an ONNX model lies in another file"):
        kernels.optimize(file)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^no ONNX model$"):
        refuse_external_data_in(b"\xff" * 20)
