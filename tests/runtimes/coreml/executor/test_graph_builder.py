"""Build ONNX graphs: element types, names, and values and shapes known before it runs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.graph_builder import GraphBuilder, onnx_type_of
from edgebake.runtimes.coreml.executor.mil import UnsupportedError, ValueType

FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


@pytest.mark.parametrize(
    ("dtypes", "carried"),
    [
        (("float16", "float32"), FLOAT),
        (("bool",), TensorProto.BOOL),
        (("int4", "int8", "int16", "int32", "uint1", "uint4", "uint8", "uint16"), INT32),
    ],
)
def test_floats_travel_as_float32_and_integers_as_int32(
    dtypes: tuple[str, ...], carried: int
) -> None:
    assert {onnx_type_of(dtype) for dtype in dtypes} == {carried}


@pytest.mark.parametrize(
    "dtype", ["int64", "uint32", "uint64", "float64", "string", "list", "dictionary"]
)
def test_what_float32_or_int32_cannot_hold_is_not_covered(dtype: str) -> None:
    with pytest.raises(UnsupportedError, match=f"^the dtype {dtype}$"):
        onnx_type_of(dtype)


def test_a_graph_is_its_inputs_constants_and_nodes() -> None:
    graph = GraphBuilder()
    x = graph.add_input("x", ValueType("float16", (1, 2)))
    total = graph.add_node("Add", x, graph.add_constant(np.array([1, 2]), FLOAT))[0]
    graph.add_alias(total, "y")
    model = graph.build_model({"y": FLOAT})
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert session.run(None, {"x": np.array([[10, 20]], np.float32)})[0].tolist() == [[11.0, 22.0]]
    assert [node.op_type for node in model.graph.node] == ["Add", "Identity"]
    assert [output.name for output in model.graph.output] == ["y"]
    assert model.graph.input[0].type.tensor_type.elem_type == FLOAT
    (value,) = model.graph.initializer
    assert onnx.numpy_helper.to_array(value).tolist() == [1.0, 2.0]


def test_every_name_that_the_graph_makes_up_is_its_own() -> None:
    graph = GraphBuilder()
    names = [graph.add_constant(np.array(number), FLOAT) for number in range(3)]
    names += [
        *graph.add_node("Split", names[0], outputs=2),
        *graph.add_node("Split", names[1], outputs=2),
    ]
    assert len(set(names)) == 7


def test_a_constant_keeps_its_shape() -> None:
    graph = GraphBuilder()
    scalar, empty = (
        graph.add_constant(np.array(1.0), FLOAT),
        graph.add_constant(np.zeros((0, 3)), FLOAT),
    )
    assert list(graph.constants[scalar].dims) == []
    assert list(graph.constants[empty].dims) == [0, 3]
    turned = graph.add_constant(np.arange(6).reshape(2, 3).T, INT32)
    assert onnx.numpy_helper.to_array(graph.constants[turned]).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_an_input_whose_shape_is_not_known_is_not_covered() -> None:
    with pytest.raises(UnsupportedError, match=r"^a shape that is not known before it runs$"):
        GraphBuilder().add_input("x", ValueType("float32", (1, None)))


def test_what_no_input_leads_to_has_a_value_before_the_graph_runs() -> None:
    graph = GraphBuilder()
    x = graph.add_input("x", ValueType("float32", (2,)))
    two, three = graph.add_constant(np.array([2]), INT64), graph.add_constant(np.array([3]), INT64)
    shape = graph.add_node("Concat", two, graph.add_node("Mul", two, three)[0], axis=0)[0]
    graph.add_node("Neg", x)
    assert graph.evaluate(two).tolist() == [2]
    assert graph.evaluate(shape).tolist() == [2, 6]


def test_what_an_input_leads_to_has_no_value_before_the_graph_runs() -> None:
    graph = GraphBuilder()
    x = graph.add_input("x", ValueType("float32", (2,)))
    negative = graph.add_node(
        "Add", graph.add_node("Neg", x)[0], graph.add_constant(np.array(1.0), FLOAT)
    )[0]
    for name in (x, negative):
        with pytest.raises(UnsupportedError, match=r"^a parameter that is not constant$"):
            graph.evaluate(name)


def test_the_shape_of_a_tensor_follows_from_the_shapes_in_front_of_it() -> None:
    graph = GraphBuilder()
    x = graph.add_input("x", ValueType("float32", (2, 3)))
    start = len(graph.nodes)
    turned = graph.add_node("Transpose", x, perm=[1, 0])[0]
    flat = graph.add_node("Reshape", turned, graph.add_constant(np.array([-1, 2, 1]), INT64))[0]
    known = {"x": ValueType("float32", (2, 3))}
    assert graph.infer_shape(turned, known, start) == (3, 2)
    assert graph.infer_shape(flat, known, start) == (3, 2, 1)


def test_a_size_that_cannot_be_known_stays_unknown() -> None:
    graph = GraphBuilder()
    x = graph.add_input("x", ValueType("float32", (4,)))
    places = graph.add_node("NonZero", x)[0]
    assert graph.infer_shape(places, {"x": ValueType("float32", (4,))}, 0) == (1, None)
