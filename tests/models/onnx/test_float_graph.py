"""A prepared graph says the same in floats, and every tensor of it finds its range."""

import numpy as np
import onnx
import pytest

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.onnx import float_graph, float_values
from edgebake.models.onnx.float_graph import CalibratedGraph
from tests.runtimes.onnxruntime import programs


def test_a_mean_over_height_and_width_becomes_a_pool_and_says_the_same() -> None:
    before, after = programs.small(), float_graph.use_average_pools(programs.small())
    assert programs.kinds(before).count("ReduceMean") == 1
    assert "ReduceMean" not in programs.kinds(after)
    assert programs.kinds(after).count("GlobalAveragePool") == 2
    for fused in (True, False):
        np.testing.assert_allclose(
            programs.answers(after, fused=fused),
            programs.answers(before, fused=fused),
            rtol=1e-6,
            atol=1e-7,
        )


@pytest.mark.parametrize(
    ("axes", "keepdims", "answer"),
    [([1, 2], 1, [1, 1, 1, 3]), ([2], 1, [1, 6, 1, 3]), ([1, 2, 3], 1, [1, 1, 1, 1])],
)
def test_any_other_mean_stays(axes: list[int], keepdims: int, answer: list[int]) -> None:
    nodes: list[programs.Node] = [
        ("Neg", "image", "negative", {}),
        ("ReduceMean", "negative", "probabilities", {"axes": axes, "keepdims": keepdims}),
    ]
    assert programs.kinds(float_graph.use_average_pools(programs.graph(nodes, {}, answer))) == [
        "Neg",
        "ReduceMean",
    ]


@pytest.mark.parametrize("opset", [17, 18])
def test_a_mean_without_its_axes_becomes_a_pool_that_is_flattened(opset: int) -> None:
    axes = {"axes": [-2, -1]} if opset < 18 else {}
    nodes: list[programs.Node] = [
        ("Neg", "image", "negative", {}),
        (
            "ReduceMean",
            "negative" if axes else "negative last",
            "probabilities",
            {"keepdims": 0, **axes},
        ),
    ]
    last = {} if axes else {"last": np.array([-2, -1])}
    before, after = (programs.graph(nodes, last, [1, 6], opset) for _ in range(2))
    after = float_graph.use_average_pools(after)
    assert programs.kinds(after) == ["Neg", "GlobalAveragePool", "Flatten"]
    np.testing.assert_allclose(programs.answers(after), programs.answers(before), atol=1e-6)


def test_axes_may_count_from_the_end() -> None:
    nodes: list[programs.Node] = [
        ("Neg", "image", "negative", {}),
        ("ReduceMean", "negative", "probabilities", {"axes": [-1, -2], "keepdims": 1}),
    ]
    model = float_graph.use_average_pools(programs.graph(nodes, {}, [1, 6, 1, 1]))
    assert programs.kinds(model) == ["Neg", "GlobalAveragePool"]


def test_preparing_folds_what_is_constant_and_says_the_same() -> None:
    nodes: list[programs.Node] = [
        ("Add", "shift shift", "twice", {}),
        ("Sub", "image twice", "probabilities", {}),
    ]
    model = programs.graph(nodes, {"shift": np.array([1, 2, 3], np.float32)}, programs.SHAPE)
    prepared_model = float_graph.prepare_for_quantizer(model)
    assert programs.kinds(prepared_model) == ["Sub"]
    np.testing.assert_array_equal(programs.answers(prepared_model), programs.answers(model))


def test_every_tensor_finds_the_range_of_its_value() -> None:
    graph = programs.prepared()
    assert set(graph.candidates) == {
        "image",
        *(name for node in graph.model.graph.node for name in node.output),
    }
    assert {alike[0].name for alike in graph.candidates.values()} >= {
        "image",
        "sum",
        "clipped",
        "gate",
        "logits",
    }
    assert graph.candidates["sum"][0].name == "sum"
    clipped = graph.ranges.entries[[entry.name for entry in graph.ranges.entries].index("clipped")]
    assert graph.bounds["clipped"] == (0.0, clipped.high)


def test_values_that_look_alike_share_the_range_of_all() -> None:
    graph = programs.prepared()
    assert {entry.name for entry in graph.candidates["turned"]} == {"image", "turned"}
    assert graph.bounds["turned"] == graph.bounds["image"]


def test_a_tensor_that_is_no_value_of_the_model_is_refused() -> None:
    graph = programs.prepared()
    without = ActivationRanges(
        [entry for entry in graph.ranges.entries if entry.name != "gate"], graph.ranges.probes
    )
    with pytest.raises(
        ConversionError,
        match=r"^tensor gate: no activation of the model matches it, the nearest differs by ",
    ):
        _ = CalibratedGraph(graph.model, without).candidates


def test_nodes_are_found_by_the_values_that_they_compute() -> None:
    graph = programs.prepared()
    assert graph.nodes_computing(["squeezed", "gate", "unknown"]) == ["squeezed_node", "gate_node"]
    assert graph.nodes_computing([]) == []


def test_what_is_seen_is_what_the_graph_computes() -> None:
    model = onnx.shape_inference.infer_shapes(programs.small())
    seen = float_values.run_probes(model, {"image": programs.EXAMPLES[:2]})
    np.testing.assert_array_equal(seen["turned"][1], programs.EXAMPLES[1:2].transpose(0, 3, 1, 2))
    assert seen["clipped"][0].min() == 0
    assert [len(values) for values in seen.values()] == [2] * 13
