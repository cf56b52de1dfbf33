"""Every operator gets an integer kernel, kept ones do not, and no processor's sums overflow."""

import platform
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.onnx import float_values
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import kernels, quantizer
from edgebake.runtimes.onnxruntime.quantizer import IntegerOptions
from tests.runtimes.onnxruntime import programs

PER_CHANNEL = IntegerOptions(Granularity.per_channel)
REDUCED = IntegerOptions(Granularity.per_channel, reduce_range=True)
CHANNELS, SIZE = 16, 8


def _weights(model: onnx.ModelProto) -> list[np.ndarray]:
    """Return the int8 constants that are more than zero points."""
    result = [numpy_helper.to_array(item) for item in model.graph.initializer]
    return [value for value in result if value.dtype == np.int8 and value.ndim > 1]


def test_every_operator_gets_an_integer_kernel() -> None:
    model = quantizer.quantize_integers(programs.prepared(), PER_CHANNEL)
    assert kernels.float_tensors(model.SerializeToString()) == set()
    assert sorted(set(programs.kinds(kernels.optimize(model.SerializeToString())))) == [
        "DequantizeLinear",
        "Flatten",
        "QLinearConv",
        "QLinearGlobalAveragePool",
        "QLinearMatMul",
        "QLinearMul",
        "QLinearSigmoid",
        "QLinearSoftmax",
        "QuantizeLinear",
        "Transpose",
    ]


@pytest.mark.parametrize("granularity", list(Granularity))
def test_integers_answer_as_floats_do(granularity: Granularity) -> None:
    graph = programs.prepared()
    model = quantizer.quantize_integers(graph, IntegerOptions(granularity))
    expected = programs.answers(graph.model)
    np.testing.assert_allclose(programs.answers(model), expected, atol=0.02)
    assert np.ptp(expected) > 0.1


def test_the_program_itself_is_left_alone() -> None:
    graph = programs.prepared()
    before = graph.model.SerializeToString()
    quantizer.quantize_integers(graph, PER_CHANNEL)
    assert graph.model.SerializeToString() == before


def test_ranges_become_scales() -> None:
    graph = programs.prepared()
    model = quantizer.quantize_integers(graph, PER_CHANNEL)
    held = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    low, high = graph.bounds["logits"]
    assert float(held["logits_scale"]) == pytest.approx((high - low) / 255)
    assert int(held["logits_zero_point"]) == round(-low / float(held["logits_scale"]))
    assert float(held["probabilities_scale"]) == pytest.approx(1 / 255)


@pytest.mark.parametrize(
    ("granularity", "scales"), [(Granularity.per_channel, 8), (Granularity.per_tensor, 1)]
)
def test_scales_are_as_many_as_the_recipe_says(granularity: Granularity, scales: int) -> None:
    model = quantizer.quantize_integers(programs.prepared(), IntegerOptions(granularity))
    held = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    assert held["wide_scale"].size == scales


@pytest.mark.parametrize(("options", "limit"), [(PER_CHANNEL, 127), (REDUCED, 64)])
def test_weights_have_eight_bits_or_seven(options: IntegerOptions, limit: int) -> None:
    weights = _weights(quantizer.quantize_integers(programs.prepared(), options))
    assert len(weights) == 4
    assert max(int(np.abs(value.astype(int)).max()) for value in weights) == limit


def test_kept_nodes_stay_in_float_and_the_rest_does_not() -> None:
    graph = programs.prepared()
    kept = graph.nodes_computing(["squeezed", "gate"])
    model = quantizer.quantize_integers(
        graph, IntegerOptions(Granularity.per_channel, float_nodes=kept)
    )
    assert kernels.float_tensors(model.SerializeToString()) == {"gate"}  # one kernel for both
    assert programs.dtypes(model)["narrow"] == onnx.TensorProto.FLOAT
    np.testing.assert_allclose(programs.answers(model), programs.answers(graph.model), atol=0.02)


def test_the_same_program_gives_the_same_bytes() -> None:
    first, second = (
        quantizer.quantize_integers(programs.prepared(), PER_CHANNEL).SerializeToString()
        for _ in range(2)
    )
    assert first == second


def test_dynamic_weights_are_unsigned() -> None:
    graph = programs.prepared()
    model = quantizer.quantize_weights(graph.model)
    assert "ConvInteger" in programs.kinds(model)
    assert onnx.TensorProto.UINT8 in programs.dtypes(model).values()
    np.testing.assert_allclose(programs.answers(model), programs.answers(graph.model), atol=0.05)


@pytest.mark.parametrize("smallest", [0.0, 1e-34])
@pytest.mark.parametrize("transposed", [0, 1])
def test_a_channel_without_weights_answers_with_its_bias(smallest: float, transposed: int) -> None:
    nodes: list[programs.Node] = [
        ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]}),
        ("Conv", "turned kernel kernel_bias", "sum", {}),
        ("GlobalAveragePool", "sum", "pooled", {}),
        ("Flatten", "pooled", "flat", {}),
        ("Gemm", "flat dense dense_bias", "probabilities", {"transB": transposed}),
    ]
    kernel = np.array([[9.0, -9.0, 9.0], [smallest, 0, 0]], np.float32).reshape(2, 3, 1, 1)
    dense = np.array([[0.5, smallest], [0.25, 0]], np.float32)
    constants = {
        "kernel": kernel,
        "kernel_bias": np.array([0.1, 0.013], np.float32),
        "dense": dense.T if transposed else dense,
        "dense_bias": np.array([0.1, 0.021], np.float32),
    }
    model = programs.graph(nodes, constants, [1, 2])
    graph = CalibratedGraph(model, programs.ranges(model))
    quantized = quantizer.quantize_integers(graph, IntegerOptions(Granularity.per_channel))
    step = max(high - low for low, high in [graph.bounds["probabilities"]]) / 255
    answers = programs.answers(quantized)
    np.testing.assert_allclose(answers[:, 1], programs.answers(model)[:, 1], atol=0.6 * step)


def _bright() -> CalibratedGraph:
    """Return a convolution of ones by ones: the largest sums that there are."""
    nodes = [("Conv", "image ones", "probabilities", {"pads": [1, 1, 1, 1]})]
    ones = np.ones((8, CHANNELS, 3, 3), np.float32)
    model = programs.graph(nodes, {"ones": ones}, [1, 8, SIZE, SIZE])
    del model.graph.input[0].type.tensor_type.shape.dim[:]
    for size in (1, CHANNELS, SIZE, SIZE):
        model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = size
    image = np.ones((1, CHANNELS, SIZE, SIZE), np.float32)
    seen = float_values.run_probes(model, {"image": image})
    result = [programs.range_of(name, values) for name, values in seen.items()]
    return CalibratedGraph(model, ActivationRanges(result, {"image": image}))


def _gap(model: onnx.ModelProto, **entries: str) -> float:
    """Return the gap between the kernels and the graph as written, which sums up in floats."""
    image = np.ones((1, CHANNELS, SIZE, SIZE), np.float32)
    written = programs.answers(model, image, fused=False)
    return float(np.abs(programs.answers(model, image, fused=True, **entries) - written).max())


def test_no_processor_overflows_on_seven_bits() -> None:
    model = quantizer.quantize_integers(_bright(), REDUCED)
    step = 9 * CHANNELS / 255
    assert _gap(model) <= step
    assert _gap(model, x64quantprecision="1") <= step


def test_a_processor_without_vnni_overflows_on_eight() -> None:
    model = quantizer.quantize_integers(_bright(), PER_CHANNEL)
    assert _gap(model, x64quantprecision="1") <= 9 * CHANNELS / 255
    overflowed = _gap(model)
    if not _adds_in_32_bits():
        assert overflowed == pytest.approx(71, abs=1)  # of 144
    else:  # no kernel has to overflow there, though one for older processors may be chosen
        assert overflowed < 1 or overflowed == pytest.approx(71, abs=1)


def test_unsigned_dynamic_weights_of_eight_bits_overflow_nowhere() -> None:
    """uint8 by uint8 has kernels of its own, which widen the factors before they multiply."""
    model = quantizer.quantize_weights(_bright().model)
    (weights,) = (
        numpy_helper.to_array(item)
        for item in model.graph.initializer
        if item.data_type == onnx.TensorProto.UINT8 and len(item.dims) == 4
    )
    assert int(weights.max()) == 255
    assert _gap(model) <= 1e-3


def _adds_in_32_bits() -> bool:
    described = Path("/proc/cpuinfo")
    return (
        platform.machine() not in ("x86_64", "AMD64")
        or not described.exists()
        or "vnni" in described.read_text()
    )
