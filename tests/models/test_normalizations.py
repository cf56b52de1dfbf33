"""Which operators are parts of normalizations, in the words of LiteRT and of ONNX."""

from edgebake.models.node_graph import Node, NodeGraph
from edgebake.models.normalizations import has_normalization, normalization_nodes


def _kinds(operators: list[tuple[str, str, str]]) -> list[str]:
    """Return the kinds of the operators of normalizations; kind, inputs and output of each."""
    nodes = []
    for kind, inputs, output in operators:
        nodes.append(Node(output, kind, inputs.split(), [output]))
    graph = NodeGraph.from_nodes(nodes, ["image"], ["answer"])
    return [graph.nodes[index].kind for index in sorted(normalization_nodes(graph))]


def test_a_layer_normalization_of_litert_in_a_residual_block() -> None:
    operators = [
        ("CONV_2D", "image weights", "x"),
        ("MEAN", "x axes", "mean"),
        ("SQUARED_DIFFERENCE", "x mean", "squares"),
        ("MEAN", "squares axes", "variance"),
        ("ADD", "variance epsilon", "safe"),
        ("RSQRT", "safe", "inverse"),
        ("MUL", "x inverse", "scaled"),
        ("MUL", "mean inverse", "offset"),
        ("SUB", "scaled offset", "normal"),
        ("FULLY_CONNECTED", "normal dense", "wide"),
        ("ADD", "x wide", "answer"),
    ]
    assert _kinds(operators) == [kind for kind, _, _ in operators[1:9]]


def test_a_layer_normalization_of_pytorch_in_onnx() -> None:
    operators = [
        ("ReduceMean", "image", "mean"),
        ("Sub", "image mean", "centered"),
        ("Pow", "centered two", "squares"),
        ("ReduceMean", "squares", "variance"),
        ("Add", "variance epsilon", "safe"),
        ("Sqrt", "safe", "deviation"),
        ("Div", "centered deviation", "normal"),
        ("Gemm", "normal weights", "answer"),
    ]
    assert _kinds(operators) == [kind for kind, _, _ in operators[:7]]


def test_operators_of_whole_normalizations() -> None:
    assert _kinds([("LayerNormalization", "image scale", "answer")]) == ["LayerNormalization"]


def test_a_square_root_alone_is_none() -> None:
    assert _kinds([("Relu", "image", "x"), ("Sqrt", "x", "answer")]) == []


def test_weights_are_never_a_part() -> None:
    operators = [
        ("MEAN", "image axes", "mean"),
        ("FULLY_CONNECTED", "mean weights", "gate"),
        ("SQRT", "gate", "root"),
        ("MUL", "image root", "answer"),
    ]
    assert _kinds(operators) == []


def test_kinds_that_only_normalizations_have() -> None:
    assert has_normalization(["MEAN", "RSQRT"])
    assert has_normalization(["LayerNormalization"])
    assert not has_normalization(["MEAN", "CONV_2D", "rsqrt"])
