"""Casts, stored halves, and kinds of convolution that each count their own way."""

from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.litert.workload import workload
from edgebake.runtimes.workload import Uncounted
from tests.runtimes.litert.programs import Op, files


def stored(dtype: str, *shape: int) -> Any:
    return np.ones(shape, dtype)


def test_casts_at_the_ends_are_no_operators_and_their_integers_are_what_moves() -> None:
    counts = workload(
        files(
            [
                Op("QUANTIZE", ["image"], "first"),
                Op(
                    "FULLY_CONNECTED", ["first", "weights", "bias"], "last", "FullyConnectedOptions"
                ),
                Op("DEQUANTIZE", ["last"], "probabilities"),
            ],
            {
                "image": ("float32", [1, 6]),
                "first": ("int8", [1, 6]),
                "last": ("int8", [1, 2]),
                "probabilities": ("float32", [1, 2]),
            },
            {"weights": stored("int8", 2, 6), "bias": stored("int32", 2)},
        )
    )
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("FULLY_CONNECTED", "int8", 12, 14)]
    assert counts.activation_peak_bytes == 6 + 2
    assert counts.weight_bytes == 12 + 8


def test_weights_stored_in_half_precision_are_made_floats_once_and_move_as_they_are_stored() -> (
    None
):
    counts = workload(
        files(
            [
                Op("DEQUANTIZE", ["halves"], "weights"),
                Op(
                    "FULLY_CONNECTED",
                    ["image", "weights"],
                    "probabilities",
                    "FullyConnectedOptions",
                ),
            ],
            {
                "image": ("float32", [1, 6]),
                "weights": ("float32", [2, 6]),
                "probabilities": ("float32", [1, 2]),
            },
            {"halves": stored("float16", 2, 6)},
        )
    )
    assert [
        (operation.kind, operation.dtype, operation.macs, sum(operation.parameters.values()))
        for operation in counts.operations
    ] == [("FULLY_CONNECTED", "float32", 12, 12)]
    assert counts.weight_bytes == 24
    assert counts.activation_peak_bytes == 24 + 8


def test_every_number_that_comes_into_a_transposed_convolution_goes_once_through_each_filter() -> (
    None
):
    counts = workload(
        files(
            [
                Op(
                    "TRANSPOSE_CONV",
                    ["shape", "weights", "image"],
                    "probabilities",
                    "TransposeConvOptions",
                )
            ],
            {"image": ("float32", [1, 4, 4, 3]), "probabilities": ("float32", [1, 8, 8, 5])},
            {"shape": np.array([1, 8, 8, 5], np.int32), "weights": stored("float32", 5, 2, 2, 3)},
        )
    )
    assert (counts.macs, counts.parameters) == (4 * 4 * 3 * 2 * 2 * 5, 5 * 2 * 2 * 3)


@pytest.mark.parametrize(("transposed", "shape"), [(False, [1, 6, 7]), (True, [1, 7, 6])])
def test_a_product_of_two_live_matrices(transposed: bool, shape: list[int]) -> None:
    counts = workload(
        files(
            [
                Op("RESHAPE", ["image", "shape"], "other", "ReshapeOptions"),
                Op(
                    "BATCH_MATMUL",
                    ["image", "other"],
                    "probabilities",
                    "BatchMatMulOptions",
                    {"adjY": transposed},
                ),
            ],
            {
                "image": ("float32", [1, 7, 6]),
                "other": ("float32", shape),
                "probabilities": ("float32", [1, 7, 7]),
            },
            {"shape": np.array(shape, np.int32)},
        )
    )
    assert (counts.macs, counts.parameters) == (7 * 7 * 6, 0)


def test_slopes_are_parameters_and_a_scale_of_one_number_is_none() -> None:
    counts = workload(
        files(
            [
                Op("PRELU", ["image", "slopes"], "scaled"),
                Op("MUL", ["scaled", "sixth"], "probabilities", "MulOptions"),
            ],
            {name: ("float32", [1, 2, 2, 3]) for name in ("image", "scaled", "probabilities")},
            {"slopes": stored("float32", 1, 1, 3), "sixth": stored("float32", 1)},
        )
    )
    assert (counts.macs, counts.parameters) == (0, 3)


def test_an_operator_of_which_nobody_knows_what_it_multiplies_is_not_guessed() -> None:
    content = files(
        [Op("LSTM", ["image"], "out")],
        {"image": ("float32", [1, 2]), "out": ("float32", [1, 2])},
        {},
    )
    with pytest.raises(
        Uncounted,
        match=r"^LSTM: its multiply-accumulates are not known; "
        r"known operators: BATCH_MATMUL, CONV_2D",
    ):
        workload(content)
