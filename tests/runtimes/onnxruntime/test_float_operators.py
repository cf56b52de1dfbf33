"""Operators without an integer kernel are refused by name, or compute in float if named.

Normalizations compute in float without a name.
"""

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models.float_fallback import FloatFallback
from edgebake.models.onnx.decompose import decompose
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import FILE, inspect
from edgebake.runtimes.onnxruntime.float_operators import FallbackQuantizer
from edgebake.runtimes.onnxruntime.float_regions import float_regions
from edgebake.runtimes.onnxruntime.quantizer import IntegerOptions
from tests.runtimes.onnxruntime import programs

# A layer normalization, written out, and a bilinear upsampling between two convolutions.
NODES: list[programs.Node] = [
    ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]}),
    ("Conv", "turned wide", "x", {}),
    ("ReduceMean", "x", "mean", {"axes": [1]}),
    ("Sub", "x mean", "centered", {}),
    ("Mul", "centered centered", "squares", {}),
    ("ReduceMean", "squares", "variance", {"axes": [1]}),
    ("Add", "variance epsilon", "safe", {}),
    ("Sqrt", "safe", "deviation", {}),
    ("Div", "centered deviation", "normal", {}),
    ("Conv", "normal deep", "narrow", {}),
    ("Resize", "narrow roi scales", "large", {"mode": "linear"}),
    ("Mul", "large half", "halved", {}),
    ("GlobalAveragePool", "halved", "pooled", {}),
    ("Flatten", "pooled", "probabilities", {}),
]
IN_INTEGERS = IntegerOptions(Granularity.per_channel)


@pytest.fixture(scope="module")
def graph() -> CalibratedGraph:
    random = np.random.default_rng(3)
    constants = {
        "wide": random.normal(0, 0.5, (8, 3, 1, 1)).astype(np.float32),
        "deep": random.normal(0, 0.5, (4, 8, 3, 3)).astype(np.float32),
        "epsilon": np.float32(1e-3),
        "half": np.float32(0.5),
        "roi": np.array([], np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
    }
    model = programs.graph(NODES, constants, [1, 4])
    regions = float_regions(model.graph, constants)
    model = decompose(model, {name for group in regions.values() for name in group})
    return CalibratedGraph(model, programs.ranges(model))


def _floats(graph: CalibratedGraph, *names: str, limit: float = 0.1) -> list[str]:
    quantizer = FallbackQuantizer(graph, IN_INTEGERS)
    model = quantizer.quantize(FloatFallback(names, limit))
    inspection = inspect.inspect({FILE: model.SerializeToString()})
    return [kind for kind in inspection.float_operators() if kind != "Transpose"]


def test_what_is_around_a_square_root_computes_with_it(graph: CalibratedGraph) -> None:
    constants = {tensor.name for tensor in graph.model.graph.initializer}
    group = ["squares_node", "variance_node", "safe_node", "deviation_node", "normal_node"]
    regions = float_regions(graph.model.graph, constants)
    assert regions == {"deviation_node": group, "normal_node": ["normal_node"]}


def test_an_operator_without_an_integer_kernel_is_refused_by_name(graph: CalibratedGraph) -> None:
    with pytest.raises(ConversionError) as caught:
        _floats(graph)
    assert str(caught.value) == (
        "no int8 kernel for: 1 Resize, 0.0 % of the multiply-accumulates; "
        "expected quantize.fallback: [Resize] or auto: they compute in float between casts"
    )


def test_named_operators_and_no_others_are_in_float(graph: CalibratedGraph) -> None:
    expected = ["Add", "Div", "Mul", "ReduceMean", "Resize", "Sqrt"]
    assert sorted(_floats(graph, "auto")) == expected
    assert sorted(_floats(graph, "resize")) == expected  # normalizations need no name


def test_a_part_of_them_is_not_enough(graph: CalibratedGraph) -> None:
    with pytest.raises(ConversionError) as caught:
        _floats(graph, "Sqrt", "Div")
    assert "no int8 kernel for: 1 Resize, 0.0 % of the" in str(caught.value)


def test_an_operator_with_an_integer_kernel_stays_in_float_if_named(graph: CalibratedGraph) -> None:
    floats = _floats(graph, "Sqrt", "Div", "Resize", "Conv", limit=1.0)
    assert floats.count("Conv") == 2
    with pytest.raises(ConversionError) as caught:
        _floats(graph, "Sqrt", "Div", "Resize", "Conv")
    assert str(caught.value) == (
        "in float stay: 2 Conv, 1 Resize, 95.0 % of the multiply-accumulates; "
        "expected at most 10%: quantize.fallback_limit sets this limit"
    )


def test_the_answers_are_those_of_the_float_graph(graph: CalibratedGraph) -> None:
    model = FallbackQuantizer(graph, IN_INTEGERS).quantize(FloatFallback(("auto",)))
    expected = programs.answers(graph.model)
    np.testing.assert_allclose(
        programs.answers(model), expected, atol=0.02 * float(np.ptp(expected))
    )
