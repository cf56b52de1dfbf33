"""Integers at the ends stand for the very numbers that the file casts to and from inside."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import DType, Granularity
from edgebake.runtimes.onnxruntime import integer_io, kernels, quantizer, scales
from edgebake.runtimes.onnxruntime.quantizer import IntegerOptions
from edgebake.runtimes.session import Tensor
from tests.runtimes.onnxruntime import programs

EVERY_LAYER = [f"{output}_node" for _, _, output, _ in programs.NODES]


def _model(
    wish_in: DType | None, wish_out: DType | None, kept: list[str] | None = None
) -> onnx.ModelProto:
    graph = programs.prepared()
    model = quantizer.quantize_integers(
        graph, IntegerOptions(Granularity.per_channel, float_nodes=kept or [])
    )
    return canonicalize(
        integer_io.convert_outputs(
            integer_io.convert_inputs(model, wish_in, graph.bounds), wish_out, graph.bounds
        )
    )


def _tensors(model: onnx.ModelProto) -> tuple[Tensor, Tensor]:
    properties = scales.io_scales(model.graph)
    graph = model.graph
    numbers = [value.type.tensor_type.elem_type for value in (graph.input[0], graph.output[0])]
    dtypes = [np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number)).name for number in numbers]
    inputs = scales.describe_tensors("input", [("image", programs.SHAPE, dtypes[0])], properties)
    outputs = scales.describe_tensors("output", [("probabilities", [1, 4], dtypes[1])], properties)
    return inputs[0], outputs[0]


def _real(model: onnx.ModelProto) -> NDArray[Any]:
    image, answer = _tensors(model)
    return answer.to_real(programs.answers(model, image.to_stored(programs.EXAMPLES)))


@pytest.mark.parametrize("dtype", [DType.uint8, DType.int8])
def test_integers_give_the_answers_that_floats_give(dtype: DType) -> None:
    model = _model(dtype, dtype)
    onnx.checker.check_model(model, full_check=True)
    image, answer = _tensors(model)
    assert (image.dtype, answer.dtype) == (dtype.value, dtype.value)
    np.testing.assert_array_equal(_real(model), programs.answers(_model(None, None)))


def test_uint8_needs_no_cast_at_all() -> None:
    model = _model(DType.uint8, DType.uint8)
    kinds = programs.kinds(kernels.optimize(model.SerializeToString()))
    assert not {"QuantizeLinear", "DequantizeLinear"} & set(kinds)
    assert kernels.float_tensors(model.SerializeToString()) == set()


def test_int8_is_cast_at_the_ends_alone() -> None:
    kinds = programs.kinds(kernels.optimize(_model(DType.int8, DType.int8).SerializeToString()))
    assert kinds[:2] == ["DequantizeLinear", "QuantizeLinear"]
    assert kinds[-2:] == ["DequantizeLinear", "QuantizeLinear"]
    assert len([kind for kind in kinds if kind.endswith("antizeLinear")]) == 4


def test_int8_is_uint8_less_128() -> None:
    signed, unsigned = (
        _tensors(_model(DType.int8, DType.int8)),
        _tensors(_model(DType.uint8, DType.uint8)),
    )
    for entry, other in zip(signed, unsigned, strict=True):
        assert entry.scale == other.scale
        assert entry.zero_point is not None
        assert other.zero_point == entry.zero_point + 128


@pytest.mark.parametrize("wish", [None, DType.float32])
def test_float32_is_what_there_is_without_a_wish(wish: DType | None) -> None:
    model = _model(wish, wish)
    assert scales.io_scales(model.graph) == {}
    assert [tensor.dtype for tensor in _tensors(model)] == ["float32", "float32"]


@pytest.mark.parametrize("dtype", [DType.uint8, DType.int8])
def test_ends_are_integers_even_where_every_layer_is_kept(dtype: DType) -> None:
    model = _model(dtype, dtype, EVERY_LAYER)
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_allclose(_real(model), programs.answers(programs.small()), atol=0.01)
    assert _tensors(model)[1].scale == pytest.approx(1 / 255)


def test_a_first_layer_that_is_kept_reads_real_numbers_beside_one_that_is_not() -> None:
    nodes = [
        ("Conv", "image ones", "left", {}),
        ("Conv", "image ones", "right", {}),
        ("Concat", "left right", "probabilities", {"axis": 1}),
    ]
    model = programs.graph(nodes, {"ones": np.ones((2, 6, 1, 1), np.float32)}, [1, 4, 6, 3])
    graph = CalibratedGraph(model, programs.ranges(model))
    made = quantizer.quantize_integers(
        graph, IntegerOptions(Granularity.per_channel, float_nodes=["left_node"])
    )
    made = canonicalize(integer_io.convert_inputs(made, DType.uint8, graph.bounds))
    onnx.checker.check_model(made, full_check=True)
    (image,) = scales.describe_tensors(
        "input", [("image", programs.SHAPE, "uint8")], scales.io_scales(made.graph)
    )
    answers = programs.answers(made, image.to_stored(programs.EXAMPLES))
    np.testing.assert_allclose(answers, programs.answers(model), atol=0.15)


@pytest.mark.parametrize("end", ["input", "output"])
def test_int16_is_refused(end: str) -> None:
    message = f"convert.{end}: ONNX Runtime computes on uint8 and has no kernels for int16; "
    message += "expected one of: float32, int8, uint8, null"
    with pytest.raises(ConversionError) as caught:
        _model(*((DType.int16, None) if end == "input" else (None, DType.int16)))
    assert str(caught.value) == message


@pytest.mark.parametrize("wish", [DType.uint8, DType.int8, DType.int16])
def test_a_file_that_computes_in_floats_takes_and_gives_floats(wish: DType) -> None:
    with pytest.raises(ConversionError) as caught:
        integer_io.refuse_integers("dynamic", {"input": None, "output": wish})
    assert str(caught.value) == (
        f"convert.output: {wish.value} has no scale where activations stay in float, "
        "as in dynamic; expected float32 or null"
    )
    integer_io.refuse_integers("dynamic", {"input": None, "output": DType.float32})
