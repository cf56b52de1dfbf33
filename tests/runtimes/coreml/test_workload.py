"""Casts, palettes, integers, and the kinds of product that ML Programs have."""

from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.coreml.workload import workload
from edgebake.runtimes.workload import Uncounted
from tests.runtimes.coreml.programs import (
    Typed,
    compressed,
    constant,
    files,
    half,
    labels,
    op,
    real,
    text,
)


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def int8(*shape: int) -> Typed:
    return "int8", shape


def test_casts_and_the_classifier_are_no_operators() -> None:
    weights = np.zeros((2, 6), np.float16)
    counts = workload(
        files(
            {"image": real(1, 6)},
            [
                op("cast", {"x": "image", "dtype": text("fp16")}, halves=half(1, 6)),
                op("linear", {"x": "halves", "weight": weights}, logits=half(1, 2)),
                op("cast", {"x": "logits", "dtype": text("fp32")}, answer=real(1, 2)),
                op(
                    "classify",
                    {"probabilities": "answer", "classes": labels(["cat", "dog"])},
                    label=("string", ()),
                    probabilities=("dictionary", ()),
                ),
            ],
            ["label", "probabilities"],
        )
    )
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("linear", "float16", 12, 12)]
    assert counts.activation_peak_bytes == 2 * (6 + 2)
    assert counts.weight_bytes == 24


def test_a_palette_moves_as_it_is_stored() -> None:
    counts = workload(
        files(
            {"image": real(1, 4)},
            [
                compressed(
                    "constexpr_lut_to_dense",
                    {
                        "indices": constant(
                            np.zeros(1, np.uint8), stored_in="file"
                        ),  # 4 weights of 2 bits
                        "lut": constant(np.arange(4, dtype=np.float32), stored_in="file"),
                        "shape": constant(np.array([1, 4], np.uint32), stored_in="file"),
                    },
                    weight=real(1, 4),
                ),
                op("linear", {"x": "image", "weight": "weight"}, logits=real(1, 1)),
            ],
            ["logits"],
        )
    )
    assert (counts.macs, counts.parameters) == (4, 4)
    assert counts.weight_bytes == 1 + 16 + 8  # indices, palette, and the shape beside them


def test_an_operator_between_dequantize_and_quantize_computes_in_integers() -> None:
    scales: dict[str, Any] = {"scale": 0.1, "zero_point": constant(0, "int8")}
    weights = {
        "quantized_data": constant(np.ones((2, 6), np.int8), stored_in="file"),
        "scale": constant(0.1),
        "zero_point": constant(0, "int8"),
        "axis": constant(0),
    }
    counts = workload(
        files(
            {"image": real(1, 6)},
            [
                op(
                    "quantize",
                    {"input": "image", "output_dtype": text("int8"), **scales},
                    integers=int8(1, 6),
                ),
                op("dequantize", {"input": "integers", **scales}, floats=real(1, 6)),
                compressed("constexpr_affine_dequantize", weights, weight=real(2, 6)),
                op("linear", {"x": "floats", "weight": "weight"}, logits=real(1, 2)),
            ],
            ["logits"],
        )
    )
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("linear", "int8", 12, 12)]
    assert counts.activation_peak_bytes == 6 + 2 * 4


def test_every_number_that_comes_into_a_transposed_convolution_goes_once_through_each_filter() -> (
    None
):
    counts = workload(
        files(
            {"image": real(1, 3, 4, 4)},
            [
                op(
                    "conv_transpose",
                    {"x": "image", "weight": zeros(3, 5, 2, 2)},
                    wide=real(1, 5, 8, 8),
                )
            ],
            ["wide"],
        )
    )
    assert (counts.macs, counts.parameters) == (4 * 4 * 3 * 5 * 2 * 2, 3 * 5 * 2 * 2)


@pytest.mark.parametrize(("transposed", "shape"), [(False, (1, 7, 6)), (True, (1, 6, 7))])
def test_a_product_of_two_matrices(transposed: bool, shape: tuple[int, ...]) -> None:
    options: dict[str, Any] = {
        "x": "image",
        "y": zeros(1, 6, 5),
        "transpose_x": transposed,
        "transpose_y": False,
    }
    counts = workload(
        files({"image": real(*shape)}, [op("matmul", options, product=real(1, 7, 5))], ["product"])
    )
    assert (counts.macs, counts.parameters) == (7 * 5 * 6, 30)


def test_what_cannot_be_counted_is_not_guessed() -> None:
    einsum = op(
        "einsum", {"values": ("image", "image"), "equation": text("nc,nc->nc")}, product=real(1, 6)
    )
    with pytest.raises(
        Uncounted,
        match=r"^einsum: its multiply-accumulates are not known; "
        r"known operators: conv, conv_transpose",
    ):
        workload(files({"image": real(1, 6)}, [einsum], ["product"]))
    relu = op("relu", {"x": "image"}, answer=real(1, None))
    with pytest.raises(Uncounted, match=r"^a size is only known when the program runs$"):
        workload(files({"image": real(1, None)}, [relu], ["answer"]))
