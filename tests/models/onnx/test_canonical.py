"""Equal graphs give equal bytes, different graphs different ones, and no answer changes."""

import random
from collections.abc import Iterable

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.canonical import canonicalize

Array = NDArray[np.float32]

WEIGHTS: Array = np.arange(12, dtype=np.float32).reshape(4, 3) / np.float32(10)
SHIFT: Array = np.array([0.5, -1, 2], np.float32)
GAIN: Array = np.array([2, 3, 4], np.float32)
FEED = np.array([[0.1, -0.2, 0.3, 0.4]], np.float32)


def _wrapped(nodes: Iterable[onnx.NodeProto], constants: dict[str, Array]) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 4])
    answer = helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [1, 3])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "graph", [image], [answer], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _model(prefix: str = "", seed: int = 0, shift: Array = SHIFT) -> onnx.ModelProto:
    """Return relu(xW) * gain + softmax(xW + shift): its two branches allow several node orders."""
    product, scaled, soft = f"{prefix}product", f"{prefix}scaled", f"{prefix}soft"
    left = [
        helper.make_node("Relu", [product], [f"{prefix}relu"], name=f"{prefix}1"),
        helper.make_node("Mul", [f"{prefix}relu", f"{prefix}gain"], [scaled], name=f"{prefix}2"),
    ]
    right = [
        helper.make_node("Add", [product, f"{prefix}shift"], [f"{prefix}sum"], name=f"{prefix}3"),
        helper.make_node(
            "Softmax", [f"{prefix}sum"], [soft], name=f"{prefix}4", axis=-1, doc_string=prefix
        ),
    ]
    first = helper.make_node("MatMul", ["image", f"{prefix}weights"], [product], name=f"{prefix}0")
    last = helper.make_node("Add", [scaled, soft], ["probabilities"], name=f"{prefix}5")
    constants: list[tuple[str, Array]] = [
        (f"{prefix}weights", WEIGHTS),
        (f"{prefix}gain", GAIN),
        (f"{prefix}shift", shift),
    ]
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    branches = [left, right]
    chance.shuffle(branches)
    chance.shuffle(constants)
    return _wrapped([first, *branches[0], *branches[1], last], dict(constants))


def _bytes(model: onnx.ModelProto) -> bytes:
    return bytes(canonicalize(model).SerializeToString(deterministic=True))


def _answer(model: onnx.ModelProto) -> Array:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    result: Array = session.run(None, {"image": FEED})[0]
    return result


@pytest.mark.parametrize("seed", range(1, 6))
def test_order_and_names_do_not_matter(seed: int) -> None:
    other = _model(prefix=f"run{seed}/", seed=seed)
    assert other.SerializeToString() != _model().SerializeToString()
    assert _bytes(other) == _bytes(_model())


def test_answers_do_not_change() -> None:
    product = FEED @ WEIGHTS
    powers = np.exp(product + SHIFT)
    expected = np.maximum(product, 0) * GAIN + powers / powers.sum()
    np.testing.assert_allclose(_answer(canonicalize(_model())), expected, rtol=1e-5)
    np.testing.assert_array_equal(_answer(canonicalize(_model())), _answer(_model()))


def test_a_second_time_changes_nothing() -> None:
    assert _bytes(canonicalize(_model())) == _bytes(_model())


def test_another_number_gives_other_bytes() -> None:
    assert _bytes(_model(shift=SHIFT + 1)) != _bytes(_model())


def test_operands_keep_their_order() -> None:
    constants: dict[str, Array] = {"weights": WEIGHTS, "shift": SHIFT}
    product = helper.make_node("MatMul", ["image", "weights"], ["product"])
    first = _wrapped(
        [product, helper.make_node("Sub", ["product", "shift"], ["probabilities"])], constants
    )
    second = _wrapped(
        [product, helper.make_node("Sub", ["shift", "product"], ["probabilities"])], constants
    )
    assert _bytes(first) != _bytes(second)
    np.testing.assert_array_equal(_answer(canonicalize(first)), -_answer(canonicalize(second)))


def test_names_count_in_the_order_of_use_and_the_apps_own_names_stay() -> None:
    graph = canonicalize(_model(prefix="StatefulPartitionedCall/")).graph
    assert [node.name for node in graph.node] == [
        "MatMul_0",
        "Relu_1",
        "Mul_2",
        "Add_3",
        "Softmax_4",
        "Add_5",
    ]
    assert graph.input[0].name == "image"
    assert graph.output[0].name == "probabilities"
    assert not [
        name for node in graph.node for name in [*node.input, *node.output] if "Stateful" in name
    ]
    assert sorted(len(item.dims) for item in graph.initializer) == [1, 1, 2]


def test_what_no_output_needs_is_left_out() -> None:
    model = _model()
    model.graph.node.append(helper.make_node("Neg", ["image"], ["unread"]))
    model.graph.initializer.append(
        numpy_helper.from_array(np.zeros(9, np.float32), "unread_constant")
    )
    assert _bytes(model) == _bytes(_model())


def test_an_input_that_is_left_open_stays_open() -> None:
    nodes = [
        helper.make_node("MatMul", ["image", "weights"], ["product"]),
        helper.make_node("Clip", ["product", "", "top"], ["probabilities"]),
    ]
    model = _wrapped(nodes, {"weights": WEIGHTS, "top": np.array(0.2, np.float32)})
    canonical_model = canonicalize(model)
    assert canonical_model.graph.node[1].input[1] == ""
    np.testing.assert_allclose(_answer(canonical_model), np.minimum(FEED @ WEIGHTS, 0.2), rtol=1e-5)


def test_a_node_with_two_outputs_stays_one_node() -> None:
    nodes = [
        helper.make_node("MatMul", ["image", "weights"], ["product"]),
        helper.make_node("Split", ["product"], ["left", "right"], axis=1),
        helper.make_node("Sub", ["right", "left"], ["probabilities"]),
    ]
    model = _wrapped(nodes, {"weights": np.concatenate([WEIGHTS, -WEIGHTS], axis=1)})
    canonical_model = canonicalize(model)
    assert [node.op_type for node in canonical_model.graph.node] == ["MatMul", "Split", "Sub"]
    np.testing.assert_array_equal(_answer(canonical_model), _answer(model))


def test_attributes_are_sorted() -> None:
    first, second = (
        _wrapped([_product_of(names)], {"weights": WEIGHTS})
        for names in ("alpha transA", "transA alpha")
    )
    assert first.SerializeToString() != second.SerializeToString()
    assert _bytes(first) == _bytes(second)


def _product_of(attributes: str) -> onnx.NodeProto:
    node = helper.make_node("Gemm", ["image", "weights"], ["probabilities"])
    values = {"alpha": 0.5, "transA": 0}
    node.attribute.extend(helper.make_attribute(name, values[name]) for name in attributes.split())
    return node
