"""The operations of a program by the names that coremltools calls them."""

from types import SimpleNamespace

import numpy as np

from edgebake.runtimes.coreml import block, package
from edgebake.runtimes.coreml.block import Block
from tests.runtimes.coreml.programs import Op, constant, files, half, op, real, text


def loaded(steps: list[Op], *outputs: str) -> Block:
    """Return the operations of a program made by hand; it takes x and y, two numbers each."""
    content = files({"x": real(1, 2), "y": real(1, 2)}, steps, outputs)
    return block.read_block(SimpleNamespace(get_spec=lambda: package.read(content).specification))


STEPS = [
    op("cast", {"x": "x", "dtype": text("fp16")}, x_to_fp16=half(1, 2)),
    op(
        "linear",
        {"x": "x_to_fp16", "weight": constant(np.eye(2, dtype=np.float16))},
        dense_cast_fp16=half(1, 2),
    ),
    op("cast", {"x": "dense_cast_fp16", "dtype": text("fp32")}, dense_cast_fp16_to_fp32=real(1, 2)),
    op("add", {"x": "dense_cast_fp16_to_fp32", "y": "y"}, sum=real(1, 2)),
]
BLOCK = loaded(STEPS, "sum")


def test_a_value_of_a_float16_program_is_one_of_the_float32_program() -> None:
    names = ("x", "x_to_fp16", "dense_cast_fp16", "dense_cast_fp16_to_fp32", "sum")
    assert [BLOCK.origin(name) for name in names] == ["x", "x", "dense", "dense", "sum"]


def test_what_computes_a_value_is_found_and_a_cast_computes_none() -> None:
    assert [item.type for item in BLOCK.computing({"dense"})] == ["linear"]
    assert [item.type for item in BLOCK.computing({"sum", "x"})] == ["add"]
    assert list(BLOCK.computing(set())) == []


def test_constants_that_an_operation_reads_are_known_by_name() -> None:
    linear, add = [item for item in BLOCK.operations if item.type in ("linear", "add")]
    assert BLOCK.constants_of(linear) == ["dense_cast_fp16_weight_0"]
    assert BLOCK.constants_of(add) == []
    assert (block.name_of(linear), block.input_names(add, "y")) == ("linear", ["y"])
