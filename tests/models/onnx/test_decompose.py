"""Decomposed operators have integer kernels, and the graph's outputs stay the same."""

import numpy as np
import onnx
import pytest

from edgebake.models.onnx import float_graph
from edgebake.models.onnx.decompose import DECOMPOSITIONS, decompose
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import kernels, quantizer
from tests.runtimes.onnxruntime import programs

NORM = {
    "gamma": np.array([0.5, 1, 2], np.float32),
    "beta": np.array([0, -1, 1], np.float32),
    "mean": np.array([0.1, 0.2, -0.3], np.float32),
    "variance": np.array([1, 0.25, 4], np.float32),
}
SAID: dict[str, list[programs.Node]] = {
    "hard sigmoid": [("HardSigmoid", "wide", "said", {"alpha": 0.25, "beta": 0.4})],
    "hard sigmoid of ONNX's own slope": [("HardSigmoid", "wide", "said", {})],
    "hard swish": [("HardSwish", "wide", "said", {})],
    "batch norm": [
        ("BatchNormalization", "wide gamma beta mean variance", "said", {"epsilon": 1e-3})
    ],
    "negation": [("Neg", "wide", "said", {})],
    "difference of a constant": [("Sub", "wide eight", "said", {})],
    "difference from a constant": [("Sub", "eight wide", "said", {})],
    "difference": [("Sigmoid", "wide", "gate", {}), ("Sub", "gate wide", "said", {})],
    "quotient": [("Div", "wide eight", "said", {})],
    "tanh": [("Tanh", "wide", "said", {})],
    "prelu": [("PRelu", "wide slopes", "said", {})],
    "prelu of one slope": [("PRelu", "wide slope", "said", {})],
    "mean of channels": [("ReduceMean", "wide", "m", {"axes": [1]}), ("Mul", "wide m", "said", {})],
    "sum of rows": [("ReduceSum", "wide rows", "m", {}), ("Mul", "wide m", "said", {})],
    "largest of columns": [
        ("ReduceMax", "wide", "m", {"axes": [-1], "keepdims": 1}),
        ("Add", "wide m", "said", {}),
    ],
    "largest": [("GlobalMaxPool", "wide", "m", {}), ("Add", "wide m", "said", {})],
    "transposed convolution": [("ConvTranspose", "wide kernel bias", "said", {"strides": [2, 2]})],
    "transposed convolution, padded": [
        (
            "ConvTranspose",
            "wide kernel bias",
            "said",
            {"strides": [2, 2], "pads": [1, 0, 1, 2], "output_padding": [1, 1]},
        )
    ],
}
# Of the integer answers: of larger values.
LIMITS = {"mean of channels": 0.5, "sum of rows": 2.0}
CONSTANTS = {
    "eight": np.float32(8),
    "slope": np.array([0.25], np.float32),
    "slopes": np.array([0.25, -0.5, 0.1], np.float32).reshape(3, 1, 1),
    "rows": np.array([2], np.int64),
    "kernel": np.random.default_rng(2).normal(0, 0.4, (3, 3, 5, 3)).astype(np.float32),
    "bias": np.array([0.5, -1, 2], np.float32),
}


def _graph(nodes: list[programs.Node]) -> onnx.ModelProto:
    around: list[programs.Node] = [
        ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]}),
        ("Mul", "turned eight", "wide", {}),
        *nodes,
        ("GlobalAveragePool", "said", "probabilities", {}),
    ]
    model: onnx.ModelProto = programs.graph(around, {**NORM, **CONSTANTS}, [1, 3, 1, 1])
    return model


@pytest.mark.parametrize("name", SAID)
def test_the_graph_answers_the_same(name: str) -> None:
    before, after = _graph(SAID[name]), decompose(_graph(SAID[name]))
    assert set(DECOMPOSITIONS).isdisjoint(programs.kinds(after))
    np.testing.assert_allclose(
        programs.answers(after), programs.answers(before), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", SAID)
def test_all_of_it_has_integer_kernels_that_answer_as_it_does(name: str) -> None:
    model = decompose(_graph(SAID[name]))
    quantized = quantizer.quantize_integers(
        CalibratedGraph(model, programs.ranges(model)),
        quantizer.IntegerOptions(Granularity.per_channel),
    )
    assert kernels.float_tensors(quantized.SerializeToString()) <= {"turned"}
    np.testing.assert_allclose(
        programs.answers(quantized),
        programs.answers(_graph(SAID[name])),
        atol=LIMITS.get(name, 0.1),
    )


@pytest.mark.parametrize("last", [False, True])
def test_a_batch_norm_of_rank_two_keeps_its_rank(last: bool) -> None:
    """PyTorch's BatchNorm1d behind a dense layer; a scale per [1, c, 1, 1] made [1, 3, 1, 3]."""
    norm, behind = ("probabilities", []) if last else ("normed", [("Relu", "normed")])
    nodes: list[programs.Node] = [
        ("GlobalAveragePool", "turned", "pooled", {}),
        ("Flatten", "pooled", "flat", {}),
        ("BatchNormalization", "flat gamma beta mean variance", norm, {"epsilon": 1e-3}),
        *[(kind, source, "probabilities", {}) for kind, source in behind],
    ]
    turned: programs.Node = ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]})
    before = programs.graph([turned, *nodes], NORM, [1, 3])
    after = decompose(programs.graph([turned, *nodes], NORM, [1, 3]))
    assert "BatchNormalization" not in programs.kinds(after)
    answers = programs.answers(after)
    assert answers[0].shape == (3,)
    np.testing.assert_allclose(answers, programs.answers(before), atol=1e-5)
    quantized = quantizer.quantize_integers(
        CalibratedGraph(after, programs.ranges(after)),
        quantizer.IntegerOptions(Granularity.per_channel),
    )
    answers = programs.answers(quantized)
    assert answers[0].shape == (3,)
    np.testing.assert_allclose(answers, programs.answers(before), atol=0.05)


def test_worked_numbers_of_a_hard_swish() -> None:
    nodes: list[programs.Node] = [
        ("Identity", "image", "wide", {}),
        ("HardSwish", "wide", "probabilities", {}),
    ]
    model = decompose(programs.graph(nodes, {}, programs.SHAPE))
    image = np.zeros((1, *programs.SHAPE[1:]), np.float32)
    image[0, 0, 0] = [-4, 1, 5]
    np.testing.assert_allclose(programs.answers(model, image)[0, 0, 0], [0, 2 / 3, 5], atol=1e-6)


def test_a_graph_of_other_operators_stays_as_it_is() -> None:
    pooled = float_graph.use_average_pools(programs.small())
    before = pooled.SerializeToString(deterministic=True)
    assert decompose(pooled).SerializeToString(deterministic=True) == before
