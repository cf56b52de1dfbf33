"""Decompress weights worked out by hand and the examples of coremltools' documentation."""

from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.coreml.executor import decompression
from tests.runtimes.coreml.programs import Array

FOUR_ROWS = [[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]]


def _bytes(*values: int) -> Array:
    return np.array(values, np.uint8)


def _signed(*values: int) -> Array:
    return np.array(values, np.int8)


def _halves(values: Any) -> Array:
    return np.array(values, np.float16)


def _decompressed(kind: str, **parameters: Any) -> Any:
    return decompression.OPERATORS[f"constexpr_{kind}"](**parameters)


def test_every_operator_of_the_documentation_is_covered() -> None:
    assert sorted(decompression.OPERATORS) == [
        "constexpr_affine_dequantize",
        "constexpr_blockwise_shift_scale",
        "constexpr_cast",
        "constexpr_lut_to_dense",
        "constexpr_lut_to_sparse",
        "constexpr_sparse_blockwise_shift_scale",
        "constexpr_sparse_to_dense",
    ]


@pytest.mark.parametrize(
    ("scale", "zero_point", "axis", "expected"),
    [
        (0.5, 1, 0, [[-0.5, 0.0, 0.5], [1.0, 1.5, 2.0]]),
        ([0.5, 2.0], 0, 0, [[0.0, 0.5, 1.0], [6.0, 8.0, 10.0]]),
        ([0.5, 2.0], [1, 3], 0, [[-0.5, 0.0, 0.5], [0.0, 2.0, 4.0]]),
        ([1.0, 2.0, 4.0], 1, 1, [[-1.0, 0.0, 4.0], [2.0, 6.0, 16.0]]),
        ([1.0, 2.0, 4.0], 1, -1, [[-1.0, 0.0, 4.0], [2.0, 6.0, 16.0]]),
        (0.5, [0, 3], 0, [[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]]),
    ],
)
def test_affine_weights_have_one_scale_or_one_for_each_slice(
    scale: Any, zero_point: Any, axis: int, expected: Any
) -> None:
    parameters = {
        "scale": _halves(scale),
        "zero_point": np.array(zero_point, np.int8),
        "axis": np.array(axis),
    }
    result = _decompressed(
        "affine_dequantize", quantized_data=np.arange(6).reshape(2, 3).astype(np.int8), **parameters
    )
    assert result.tolist() == expected
    assert result.dtype == np.float16


def test_affine_weights_do_not_overflow_the_bytes_they_are_stored_in() -> None:
    parameters = {"scale": np.array(1.0, np.float32), "axis": np.array(0)}
    result = _decompressed(
        "affine_dequantize",
        quantized_data=_bytes(0, 255),
        zero_point=_bytes(255)[0:1],
        **parameters,
    )
    assert result.tolist() == [-255.0, 0.0]
    assert result.dtype == np.float32
    result = _decompressed("affine_dequantize", quantized_data=_signed(-128, 127), **parameters)
    assert result.tolist() == [-128.0, 127.0]


def test_a_cast_is_to_float32() -> None:
    result = _decompressed(
        "cast", source_val=_halves([1.5, 0.1]), output_dtype=np.array("fp32", object)
    )
    assert result.dtype == np.float32
    assert result.tolist() == [1.5, 0.0999755859375]


def test_a_palette_of_ios_16_has_its_indices_packed_into_bytes() -> None:
    # The example of the documentation, as indices 0, 3, 2, 1, 3 of two bits each.
    packed, table = _bytes(0b01101100, 0b00000011), _halves([10, 11, 12, 13])
    result = _decompressed(
        "lut_to_dense", indices=packed, lut=table, shape=np.array([5], np.uint32)
    )
    assert result.tolist() == [10, 13, 12, 11, 13]
    assert result.dtype == np.float16
    result = _decompressed(
        "lut_to_dense", indices=packed, lut=table, shape=np.array([2, 1, 2], np.uint32)
    )
    assert result.tolist() == [[[10, 13]], [[12, 11]]]


@pytest.mark.parametrize(
    ("bits", "packed", "indices"), [(1, [0b101], [1, 0, 1]), (4, [0x21, 0x0F], [1, 2, 15])]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint8])
def test_palettes_of_ios_16_of_other_sizes(
    bits: int, packed: list[int], indices: list[int], dtype: Any
) -> None:
    table = (np.arange(2**bits) * 3).astype(dtype)
    result = _decompressed(
        "lut_to_dense", indices=_bytes(*packed), lut=table, shape=np.array([3], np.uint32)
    )
    assert result.tolist() == [index * 3 for index in indices]
    assert result.dtype == dtype


def test_palettes_of_ios_16_of_64_and_256_entries() -> None:
    shape = {"shape": np.array([4], np.uint32)}
    table: Array = np.arange(64, dtype=np.float32)
    result = _decompressed("lut_to_dense", indices=_bytes(0x81, 0x30, 0x10), lut=table, **shape)
    assert result.tolist() == [1, 2, 3, 4]
    table = np.arange(256, dtype=np.float32) / 2
    result = _decompressed("lut_to_dense", indices=_bytes(0, 255, 7, 128), lut=table, **shape)
    assert result.tolist() == [0, 127.5, 3.5, 64]


def test_palettes_of_groups_as_in_case_1_of_the_documentation() -> None:
    indices = np.array([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3], np.uint8).reshape(6, 2)
    table = _halves([1, 5, 9, 13, 2, 10, 18, 26]).reshape(2, 1, 4, 1)
    result = _decompressed("lut_to_dense", indices=indices, lut=table)
    assert result.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (
            1,
            [
                [[1, 1], [2, 2], [3, 3], [4, 1], [5, 2], [6, 3]],
                [[4, 4], [5, 5], [6, 6], [1, 1], [2, 2], [3, 3]],
            ],
        ),
        (2, [[[1, 2, 3, 1, 2, 3], [4, 5, 6, 1, 2, 3]], [[4, 5, 6, 4, 5, 6], [1, 2, 3, 1, 2, 3]]]),
        (-1, [[[1, 2, 3, 1, 2, 3], [4, 5, 6, 1, 2, 3]], [[4, 5, 6, 4, 5, 6], [1, 2, 3, 1, 2, 3]]]),
        (
            0,
            [
                [[1, 1], [4, 1]],
                [[2, 2], [5, 2]],
                [[3, 3], [6, 3]],
                [[4, 4], [1, 1]],
                [[5, 5], [2, 2]],
                [[6, 6], [3, 3]],
            ],
        ),
    ],
)
def test_palettes_of_vectors_as_in_case_2_of_the_documentation(axis: int, expected: Any) -> None:
    indices = np.array([[[0, 0], [1, 0]], [[1, 1], [0, 0]]], np.uint8)
    table = _signed(1, 2, 3, 4, 5, 6).reshape(1, 1, 1, 2, 3)
    result = _decompressed("lut_to_dense", indices=indices, lut=table, vector_axis=np.array(axis))
    assert result.tolist() == expected
    assert result.dtype == np.int8


def test_a_mask_of_ios_16_is_packed_into_bytes() -> None:
    # The example of the documentation: bits 2 and 3 of five are set.
    parameters = {
        "nonzero_data": _halves([7, 8]),
        "mask": _bytes(0b01100),
        "shape": np.array([5], np.uint32),
    }
    result = _decompressed("sparse_to_dense", **parameters)
    assert result.tolist() == [0, 0, 7, 8, 0]
    assert result.dtype == np.float16
    result = _decompressed(
        "sparse_to_dense",
        nonzero_data=_signed(-1, -2, -3),
        mask=_bytes(0b10000001, 0b10),
        shape=np.array([2, 5], np.uint32),
    )
    assert result.tolist() == [[-1, 0, 0, 0, 0], [0, 0, -2, 0, -3]]


def test_a_mask_of_ios_18_has_the_shape_of_the_weight() -> None:
    result = _decompressed(
        "sparse_to_dense",
        nonzero_data=_halves([3, 5, 6]),
        mask=np.array([[0, 1, 0], [1, 0, 1]], np.uint8),
    )
    assert result.tolist() == [[0, 3, 0], [5, 0, 6]]
    assert result.dtype == np.float16


@pytest.mark.parametrize(
    ("scale", "offset", "expected"),
    [
        ([[2.0]], None, [[0, 2, 4, 6], [8, 10, 12, 14]]),
        ([[2.0]], [[1]], [[-2, 0, 2, 4], [6, 8, 10, 12]]),
        ([[1.0], [10.0]], None, [[0, 1, 2, 3], [40, 50, 60, 70]]),
        ([[1.0, 10.0]], [[0, 2]], [[0, 1, 0, 10], [4, 5, 40, 50]]),
        ([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [2, 3]], [[0, 1, 2, 4], [6, 9, 12, 16]]),
        ([[1.0, 2.0, 3.0, 4.0]], None, [[0, 2, 6, 12], [4, 10, 18, 28]]),
    ],
)
def test_the_shape_of_the_scale_divides_the_weight_into_blocks(
    scale: Any, offset: Any, expected: Any
) -> None:
    parameters = {} if offset is None else {"offset": np.array(offset, np.int8)}
    data = np.arange(8, dtype=np.int8).reshape(2, 4)
    result = _decompressed("blockwise_shift_scale", data=data, scale=_halves(scale), **parameters)
    assert result.tolist() == expected
    assert result.dtype == np.float16


def test_blocks_of_a_kernel_are_along_every_axis() -> None:
    data = np.ones((4, 2, 2, 2), np.int8)
    scale = np.array([1.0, 2.0], np.float32).reshape(2, 1, 1, 1) * np.array(
        [1.0, 10.0], np.float32
    ).reshape(1, 1, 2, 1)
    result = _decompressed("blockwise_shift_scale", data=data, scale=scale)
    assert result[:, 0, :, 0].tolist() == [[1, 10], [1, 10], [2, 20], [2, 20]]


def test_a_sparse_palette_as_in_the_documentation() -> None:
    mask, nonzero = np.array(FOUR_ROWS, np.uint8), _bytes(0, 1, 1, 0, 1, 1, 0, 0, 1)
    table = _halves([2, 3]).reshape(1, 1, 2, 1)
    found_mask, result = _decompressed(
        "lut_to_sparse", indices_mask=mask, indices_nonzero_data=nonzero, lut=table
    )
    assert found_mask.tolist() == FOUR_ROWS
    assert result.tolist() == [2, 3, 3, 2, 3, 3, 2, 2, 3]


def test_a_sparse_palette_of_vectors_as_in_the_documentation() -> None:
    mask, nonzero = np.array(FOUR_ROWS, np.uint8), _bytes(0, 1, 1, 0, 1, 1, 0, 0, 1)
    table = _halves([[2, 2], [3, 3]]).reshape(1, 1, 2, 2)
    parameters = {"indices_nonzero_data": nonzero, "lut": table, "vector_axis": np.array(0)}
    found_mask, result = _decompressed("lut_to_sparse", indices_mask=mask, **parameters)
    assert found_mask.tolist() == [row for row in FOUR_ROWS for _ in range(2)]
    dense = _decompressed("sparse_to_dense", nonzero_data=result, mask=found_mask)
    assert dense[0].tolist() == dense[1].tolist() == [2, 3, 0, 0, 0, 0]
    assert dense[2].tolist() == dense[3].tolist() == [3, 2, 0, 0, 0, 3]
    assert dense[4].tolist() == dense[5].tolist() == [0, 3, 2, 0, 2, 0]
    assert dense[6].tolist() == dense[7].tolist() == [0, 0, 0, 3, 0, 0]


def test_sparse_weights_of_one_scale_for_each_column_as_in_the_documentation() -> None:
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]], np.uint8)
    scale, offset = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), _signed(1, 2, 3, 4).reshape(1, 4)
    parameters = {
        "nonzero_data": _signed(10, 11, 3, 4, 5, 6, 7, 8, 9),
        "scale": scale,
        "offset": offset,
    }
    found_mask, result = _decompressed("sparse_blockwise_shift_scale", data_mask=mask, **parameters)
    assert found_mask.tolist() == mask.tolist()
    # The documentation lists 1.2 for (7 - 4) * 0.4 and so on, row by row; 0.9 is (6 - 3) * 0.3.
    assert result.tolist() == pytest.approx([0.9, 1.8, 0.2, 0.4, 0.6, 0.9, 1.2, 0.7, 1.4])
    _, plain = _decompressed(
        "sparse_blockwise_shift_scale",
        data_mask=mask,
        nonzero_data=parameters["nonzero_data"],
        scale=scale * 10,
    )
    assert plain.tolist() == pytest.approx([10, 22, 3, 8, 15, 18, 28, 8, 18])
