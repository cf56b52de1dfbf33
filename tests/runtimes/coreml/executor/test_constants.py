"""Read values of every dtype and bit width; their bytes are worked out by hand."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.executor.constants import (
    NUMPY_DTYPES,
    read_type,
    read_value,
    unpack,
    unpack_bits,
)
from edgebake.runtimes.coreml.executor.mil import ValueType
from tests.runtimes.coreml.programs import (
    Blob,
    Constant,
    constant,
    labels,
    text,
    type_message,
    value_message,
)

# dtype, its values, and their bytes in the order of the file
WORKED = [
    ("bool", [True, False, True], "010001"),
    ("float16", [1.0, -2.0], "003c00c0"),
    ("float32", [1.0, -2.0], "0000803f000000c0"),
    ("float64", [1.0], "000000000000f03f"),
    ("int4", [-1, 7, -8], "7f08"),
    ("int8", [-1, 127, -128], "ff7f80"),
    ("int16", [-2, 258], "feff0201"),
    ("int32", [-2, 258], "feffffff02010000"),
    ("int64", [-2], "feffffffffffffff"),
    ("uint1", [1, 0, 1, 1, 0, 0, 0, 0, 1], "0d01"),
    ("uint2", [3, 0, 1, 2, 3], "9303"),
    ("uint3", [1, 2, 3, 4, 5, 6, 7, 0], "d1581f"),  # 1 + 2*8 + 3*64 + ... = 0x1f58d1
    ("uint4", [1, 2, 15], "210f"),
    ("uint6", [1, 2, 3, 4, 63], "8130103f"),  # 1 + 2*64 + 3*4096 + 4*262144 = 0x103081
    ("uint8", [0, 255], "00ff"),
    ("uint16", [65535, 258], "ffff0201"),
    ("uint32", [4294967295], "ffffffff"),
]
IMMEDIATE = [(dtype, values) for dtype, values, _ in WORKED]


@pytest.mark.parametrize(("dtype", "values", "content"), WORKED)
def test_bytes_of_every_dtype(dtype: str, values: list[Any], content: str) -> None:
    result = unpack(bytes.fromhex(content), ValueType(dtype, (len(values), 1)))
    assert result.reshape(-1).tolist() == values
    assert result.shape == (len(values), 1)
    assert result.dtype == NUMPY_DTYPES[dtype]


def test_every_dtype_has_a_worked_example() -> None:
    assert sorted(dtype for dtype, _, _ in WORKED) == sorted(NUMPY_DTYPES)


@pytest.mark.parametrize(("dtype", "values"), IMMEDIATE)
@pytest.mark.parametrize("stored_in", ["inline", "file"])
def test_a_value_of_every_dtype_is_read_from_the_program_and_from_a_file(
    dtype: str, values: list[Any], stored_in: str
) -> None:
    blob = Blob()
    blob.add(b"another entry in front")
    message = value_message(Constant(np.array(values), dtype, stored_in), blob)
    result = read_value(message, {"weight.bin": bytes(blob.content)})
    assert result.tolist() == values
    assert result.dtype == NUMPY_DTYPES[dtype]


@pytest.mark.parametrize("stored_in", ["inline", "file"])
def test_numbers_are_read_row_by_row(stored_in: str) -> None:
    blob, values = Blob(), np.arange(24).reshape(2, 3, 4) % 8
    for dtype in ("uint3", "uint8", "float16", "float32"):
        message = value_message(Constant(values, dtype, stored_in), blob)
        assert read_value(message, {"weight.bin": bytes(blob.content)}).tolist() == values.tolist()


def test_a_scalar_has_no_axes() -> None:
    assert read_value(value_message(constant(5), Blob()), {}).shape == ()
    assert read_value(value_message(constant(0.0), Blob()), {}).item() == 0.0


def test_a_tensor_without_elements_is_read() -> None:
    result = read_value(value_message(constant(np.zeros((0, 2), np.int32)), Blob()), {})
    assert result.shape == (0, 2)
    assert result.dtype == np.int32


def test_text_and_lists_are_read() -> None:
    assert read_value(value_message(text("same"), Blob()), {}).item() == "same"
    assert read_value(value_message(labels(["cat", "dog"]), Blob()), {}).tolist() == ["cat", "dog"]
    assert read_value(value_message(labels([7, 9]), Blob()), {}).tolist() == [7, 9]


def test_an_offset_without_an_entry_is_refused() -> None:
    blob = Blob()
    message = value_message(constant([1.0], stored_in="file"), blob)
    message.blobFileValue.offset += 4
    with pytest.raises(ValueError, match=r"^weight\.bin: no entry at offset 68$"):
        read_value(message, {"weight.bin": bytes(blob.content)})


def test_numbers_of_few_bits_may_have_padding_behind_them() -> None:
    # The example of constexpr_lut_to_dense in coremltools: 01 10 11 00, then 11 in the lowest bits.
    content = np.array([0b01101100, 0b11], np.uint8)
    assert unpack_bits(content, 2, 5).tolist() == [0, 3, 2, 1, 3]
    assert unpack_bits(content, 2, 5, "int2").tolist() == [0, -1, -2, 1, -1]


@pytest.mark.parametrize("bits", range(1, 9))
def test_numbers_of_every_width_come_back(bits: int) -> None:
    numbers = np.random.default_rng(bits).integers(0, 2**bits, 29)
    whole = sum(int(number) << (bits * index) for index, number in enumerate(numbers))
    content = np.frombuffer(whole.to_bytes((29 * bits + 7) // 8, "little"), np.uint8)
    assert unpack_bits(content, bits, 29).tolist() == numbers.tolist()


@pytest.mark.parametrize("dtype", sorted(NUMPY_DTYPES))
def test_a_type_is_its_dtype_and_its_shape(dtype: str) -> None:
    message = schema.load_module("MIL_pb2").ValueType()
    type_message(message, (dtype, (1, None, 3)))
    assert read_type(message) == ValueType(dtype, (1, None, 3))


def test_a_type_that_is_no_tensor_has_no_shape() -> None:
    assert read_type(value_message(labels(["cat"]), Blob()).type) == ValueType("list", ())


@pytest.fixture(scope="module")
def storage() -> ModuleType:
    """Apple's own library for files of weights, without the package around it."""
    folder = importlib.util.find_spec("coremltools")
    assert folder is not None
    assert folder.origin is not None
    path = Path(folder.origin).with_name("libmilstoragepython.so")
    name = "coremltools.libmilstoragepython"
    result = importlib.util.spec_from_file_location(name, path)
    assert result is not None
    assert result.loader is not None
    if name not in sys.modules:
        # By its own name, so that a later import of coremltools finds it: it loads only once.
        module = importlib.util.module_from_spec(result)
        result.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


WRITERS = {"float32": "float", "float16": "fp16"}
WRITTEN = [
    "float16",
    "float32",
    "int4",
    "int8",
    "int16",
    "int32",
    "uint1",
    "uint2",
    "uint3",
    "uint4",
    "uint6",
    "uint8",
]


@pytest.mark.parametrize("dtype", [*WRITTEN, "uint16", "uint32"])
def test_files_that_apples_own_library_wrote_are_read(
    storage: ModuleType, tmp_path: Path, dtype: str
) -> None:
    random, path = np.random.default_rng(0), tmp_path / "weight.bin"
    kind = NUMPY_DTYPES[dtype]
    bits = int(dtype.removeprefix("u").removeprefix("int")) if "int" in dtype else 0
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if dtype.startswith("int") else (0, 2**bits)
    values: Any = (
        random.integers(low, high, 37).astype(kind) if bits else random.normal(size=37).astype(kind)
    )
    writer = storage._BlobStorageWriter(str(path))
    writer.write_uint8_data(np.arange(5, dtype=np.uint8))
    parameters = values.view(np.uint16) if dtype == "float16" else values
    offset = getattr(writer, f"write_{WRITERS.get(dtype, dtype)}_data")(parameters)
    del writer
    message = value_message(Constant(values, dtype, "file"), Blob())
    message.blobFileValue.offset = offset
    assert read_value(message, {"weight.bin": path.read_bytes()}).tolist() == values.tolist()
