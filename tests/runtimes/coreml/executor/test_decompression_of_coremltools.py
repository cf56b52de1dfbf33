"""Compare decompression with that of coremltools, bit for bit, on random weights.

Guards that the executor reads compressed weights as Core ML does.
Slow: it imports coremltools.
"""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.runtimes.coreml.executor import decompression
from tests.runtimes.coreml.programs import Array

pytestmark = pytest.mark.slow

SHAPES = [(12,), (8, 12), (4, 6, 8), (8, 4, 3, 3), (4, 4, 2, 2, 2)]
INTEGERS = {
    "int4": (np.int8, -8, 8),
    "uint4": (np.uint8, 0, 16),
    "int8": (np.int8, -128, 128),
    "uint8": (np.uint8, 0, 256),
}
FLOATS: list[Any] = [np.float16, np.float32]
LUT_BITS = [1, 2, 3, 4, 6, 8]


@pytest.fixture(scope="module")
def ios16() -> ModuleType:
    return _operators("iOS16.constexpr_ops")


@pytest.fixture(scope="module")
def ios18() -> ModuleType:
    return _operators("iOS18.compression")


def _operators(module: str) -> ModuleType:
    keras_session.start(
        1
    )  # before coremltools imports TensorFlow with other kernels, for the tests behind this one
    return importlib.import_module(f"coremltools.converters.mil.mil.ops.defs.{module}")


def _assert_same(kind: str, operator: Any, **parameters: Any) -> None:
    """Compare values, dtype and shape of all that both return for the same parameters."""
    ours = decompression.OPERATORS[kind](
        **{name: value for name, value in parameters.items() if value is not None}
    )
    theirs = operator.decompress(**parameters)
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    for actual, expected in pairs:
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        assert actual.tobytes() == np.ascontiguousarray(expected).tobytes()


def _integers(random: Any, dtype: str, shape: tuple[int, ...]) -> Array:
    kind, low, high = INTEGERS[dtype]
    result: Array = random.integers(low, high, shape).astype(kind)
    return result


def _granularities(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return scale shapes: per tensor, channel, group, element, and in blocks of 1 and 2 axes."""
    ones = (1,) * len(shape)
    result = [ones, (shape[0], *ones[1:]), (shape[0] // 2, *ones[1:]), shape]
    if len(shape) > 1:
        result += [
            (shape[0], shape[1] // 2, *ones[2:]),
            (shape[0] // 4, shape[1] // 2, *ones[2:]),
            (1, shape[1], *ones[2:]),
        ]
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("floats", FLOATS)
def test_affine_dequantize(
    ios16: ModuleType, shape: tuple[int, ...], dtype: str, floats: Any
) -> None:
    random = np.random.default_rng(0)
    data = _integers(random, dtype, shape)
    for axis in [None, *range(-len(shape), len(shape))]:
        size = () if axis is None else (shape[axis],)
        scale = np.asarray(random.normal(size=size), floats)
        for zero_point in (
            np.asarray(_integers(random, dtype, size)),
            np.asarray(random.normal(size=size), np.float32),
        ):
            parameters = {
                "quantized_data": data,
                "zero_point": zero_point,
                "scale": scale,
                "axis": np.int32(axis or 0),
            }
            _assert_same(
                "constexpr_affine_dequantize", ios16.constexpr_affine_dequantize, **parameters
            )


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("shape", [*SHAPES, (5,), (3, 7)])
def test_packed_palettes(ios16: ModuleType, bits: int, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(bits)
    indices = random.integers(0, 256, -(-bits * int(np.prod(shape)) // 8)).astype(np.uint8)
    for dtype in (np.float16, np.float32, np.int8, np.uint8):
        table = (random.normal(size=2**bits) * 50).astype(np.int8).astype(dtype)
        parameters = {"lut": table, "indices": indices, "shape": np.array(shape, np.uint32)}
        _assert_same("constexpr_lut_to_dense", ios16.constexpr_lut_to_dense, **parameters)


@pytest.mark.parametrize("shape", [*SHAPES, (5,), (3, 7)])
def test_packed_masks(ios16: ModuleType, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    set_bits = random.integers(0, 2, int(np.prod(shape))).astype(np.uint8)
    mask = np.packbits(set_bits, bitorder="little")
    for dtype in (np.float16, np.float32, np.int8, np.uint8):
        nonzero = (random.normal(size=int(set_bits.sum())) * 50).astype(np.int8).astype(dtype)
        parameters = {"nonzero_data": nonzero, "mask": mask, "shape": np.array(shape, np.uint32)}
        _assert_same("constexpr_sparse_to_dense", ios16.constexpr_sparse_to_dense, **parameters)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize("floats", FLOATS)
def test_blockwise_shift_scale(
    ios18: ModuleType, shape: tuple[int, ...], dtype: str, floats: Any
) -> None:
    random = np.random.default_rng(0)
    data, mask = _integers(random, dtype, shape), random.integers(0, 2, shape).astype(np.uint8)
    for blocks in _granularities(shape):
        scale = random.normal(size=blocks).astype(floats)
        for offset in (
            None,
            _integers(random, dtype, blocks),
            random.normal(size=blocks).astype(floats),
        ):
            shared = {"scale": scale, "offset": offset}
            dense = ios18.constexpr_blockwise_shift_scale
            _assert_same("constexpr_blockwise_shift_scale", dense, data=data, **shared)
            sparse = ios18.constexpr_sparse_blockwise_shift_scale
            shared |= {"data_mask": mask, "nonzero_data": data[mask != 0]}
            _assert_same("constexpr_sparse_blockwise_shift_scale", sparse, **shared)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", LUT_BITS)
@pytest.mark.parametrize("vector", [1, 2, 3])
def test_palettes_of_groups_and_vectors(
    ios18: ModuleType, shape: tuple[int, ...], bits: int, vector: int
) -> None:
    random = np.random.default_rng(0)
    indices, mask = (
        random.integers(0, 2**bits, shape).astype(np.uint8),
        random.integers(0, 2, shape).astype(np.uint8),
    )
    for groups in _granularities(shape):
        for dtype in (np.float16, np.float32, np.int8, np.uint8):
            table = (
                (random.normal(size=(*groups, 2**bits, vector)) * 50).astype(np.int8).astype(dtype)
            )
            for axis in [None] if vector == 1 else map(np.int32, range(len(shape))):
                shared = {"lut": table, "vector_axis": axis}
                _assert_same(
                    "constexpr_lut_to_dense",
                    ios18.constexpr_lut_to_dense,
                    indices=indices,
                    **shared,
                )
                shared |= {"indices_mask": mask, "indices_nonzero_data": indices[mask != 0]}
                _assert_same("constexpr_lut_to_sparse", ios18.constexpr_lut_to_sparse, **shared)


@pytest.mark.parametrize("shape", SHAPES)
def test_masks_of_the_shape_of_the_weight(ios18: ModuleType, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    mask = random.integers(0, 2, shape).astype(np.uint8)
    for dtype in (np.float16, np.float32, np.int8, np.uint8):
        nonzero = (random.normal(size=int(mask.sum())) * 50).astype(np.int8).astype(dtype)
        parameters = {"nonzero_data": nonzero, "mask": mask}
        _assert_same("constexpr_sparse_to_dense", ios18.constexpr_sparse_to_dense, **parameters)
