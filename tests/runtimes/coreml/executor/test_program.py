"""Read operations and constants from Apple's Model message, with weights decompressed."""

from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.coreml import package, schema
from edgebake.runtimes.coreml.executor.mil import Operation, UnsupportedError, Value, ValueType
from edgebake.runtimes.coreml.executor.program import Program, read_program
from tests.runtimes.coreml.programs import (
    OPSET,
    Argument,
    Op,
    Typed,
    answers,
    compressed,
    constant,
    files,
    half,
    labels,
    op,
    real,
    text,
)

PAIR = real(1, 2)


def _read(
    operations: list[Op], outputs: list[str], inputs: dict[str, Typed] | None = None
) -> Program:
    return read_program(package.read(files(inputs or {"x": PAIR}, operations, outputs)))


def test_inputs_outputs_and_operations_are_read_in_order() -> None:
    result = _read(
        [op("relu", {"x": "x"}, y=PAIR), op("add", {"x": "x", "y": "y"}, z=PAIR)], ["z", "y"]
    )
    pair = ValueType("float32", (1, 2))
    assert result.inputs == [Value("x", pair)]
    assert result.outputs == ["z", "y"]
    assert result.operations == [
        Operation("relu", 1, {"x": ["x"]}, [Value("y", pair)]),
        Operation("add", 2, {"x": ["x"], "y": ["y"]}, [Value("z", pair)]),
    ]


def test_constants_are_no_operations_and_do_not_count_as_positions() -> None:
    result = _read(
        [op("add", {"x": "x", "y": 1.5}, y=PAIR), op("mul", {"x": "y", "y": [2.0, 3.0]}, z=PAIR)],
        ["z"],
    )
    assert [(operation.kind, operation.position) for operation in result.operations] == [
        ("add", 1),
        ("mul", 2),
    ]
    assert result.operations[1].inputs == {"x": ["y"], "y": ["z_y_0"]}
    kind, value = result.constants["z_y_0"]
    assert (kind, value.tolist()) == (ValueType("float32", (2,)), [2.0, 3.0])


@pytest.mark.parametrize("stored_in", ["const", "inline", "file"])
def test_a_constant_is_read_from_wherever_it_is_kept(stored_in: str) -> None:
    weight = constant(np.arange(6, dtype=np.float16).reshape(3, 2), stored_in=stored_in)
    result = _read([op("linear", {"x": "x", "weight": weight}, y=real(1, 3))], ["y"])
    (name,) = result.operations[0].inputs["weight"]
    assert result.constants[name][0] == ValueType("float16", (3, 2))
    assert result.constants[name][1].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_values_written_in_place_are_named_after_output_parameter_and_number() -> None:
    axis = constant(0, stored_in="inline")
    listed: Argument = ("x", constant([[5.0, 6.0]], stored_in="inline"))
    result = _read([op("concat", {"values": listed, "axis": axis}, y=real(2, 2))], ["y"])
    assert result.operations[0].inputs == {"values": ["x", "y.values.1"], "axis": ["y.axis.0"]}


def test_sizes_that_the_input_decides_are_unknown() -> None:
    result = _read([op("relu", {"x": "x"}, y=real(1, None))], ["y"], {"x": real(1, None)})
    assert result.inputs[0].type == ValueType("float32", (1, None))
    with pytest.raises(UnsupportedError, match="a shape that is not known before it runs"):
        _ = result.inputs[0].type.static_shape
    assert ValueType("float32", (1, 2)).static_shape == (1, 2)


def test_labels_are_a_list() -> None:
    outputs: dict[str, Typed] = {"label": ("string", ()), "label_probs": ("dictionary", ())}
    head = Op("classify", {"probabilities": "x", "classes": labels(["cat", "dog"])}, outputs)
    result = _read([head], ["label", "label_probs"])
    kind, value = result.constants[result.operations[0].inputs["classes"][0]]
    assert (kind.dtype, value.tolist()) == ("list", ["cat", "dog"])
    assert [output.type.dtype for output in result.operations[0].outputs] == [
        "string",
        "dictionary",
    ]


def test_the_block_of_the_functions_own_opset_is_read() -> None:
    content = files({"x": PAIR}, [op("relu", {"x": "x"}, y=PAIR)], ["y"])
    model = schema.load_module("Model_pb2").Model()
    model.ParseFromString(content[package.specification_file(content)])
    function = model.mlProgram.functions["main"]
    function.block_specializations["CoreML5"].outputs.append("other")
    model.mlProgram.functions["second"].CopyFrom(function)
    model.mlProgram.functions["second"].block_specializations[OPSET].operations[0].type = "sigmoid"
    content[package.specification_file(content)] = model.SerializeToString()
    read = package.read(content)
    assert read_program(read).outputs == ["y"]
    assert [operation.kind for operation in read_program(read, "second").operations] == ["sigmoid"]


INDICES = constant(np.array([0b01101100, 0b11], np.uint8), stored_in="file")  # 0, 3, 2, 1, 3
MASK = constant(np.array([0b101101], np.uint8), stored_in="file")
IOS_16: list[tuple[str, dict[str, Argument], Any]] = [
    (
        "lut_to_dense",
        {"indices": INDICES, "lut": [1.0, 2.0, 3.0, 4.0], "shape": constant([5], "uint32")},
        [1, 4, 3, 2, 4],
    ),
    (
        "sparse_to_dense",
        {"nonzero_data": [1.0, 2.0, 3.0, 4.0], "mask": MASK, "shape": constant([3, 2], "uint32")},
        [[1, 0], [2, 3], [0, 4]],
    ),
    (
        "affine_dequantize",
        {
            "quantized_data": constant([[1, 2], [3, 4]], "uint8", "file"),
            "zero_point": constant([1, 2], "uint8"),
            "scale": [0.5, 2.0],
            "axis": 0,
        },
        [[0, 0.5], [2, 4]],
    ),
    (
        "cast",
        {"source_val": constant([1.5], "float16", "file"), "output_dtype": text("fp32")},
        [1.5],
    ),
]
BLOCK = constant(np.arange(8).reshape(2, 4) - 4, "int4", "file")
IOS_18: list[tuple[str, dict[str, Argument], Any]] = [
    (
        "blockwise_shift_scale",
        {"data": BLOCK, "scale": [[1.0, 2.0]], "offset": constant([[0, 1]], "int4")},
        [[-4, -3, -6, -4], [0, 1, 2, 4]],
    ),
    (
        "lut_to_dense",
        {
            "indices": constant([0, 3, 2, 1, 3], "uint2", "file"),
            "lut": constant(np.arange(1.0, 5).reshape(1, 4, 1), "float32"),
        },
        [1, 4, 3, 2, 4],
    ),
    (
        "sparse_to_dense",
        {"nonzero_data": [1.0, 2.0], "mask": constant([[1, 0], [0, 1]], "uint1", "file")},
        [[1, 0], [0, 2]],
    ),
    (
        "cast",
        {"source_val": constant([1.5], "float16", "file"), "output_dtype": text("fp32")},
        [1.5],
    ),
]


def _assert_weight(operation: Op, expected: Any) -> None:
    shape = np.shape(expected)
    program = [operation, op("add", {"x": "x", "y": "weight"}, y=real(*shape))]
    result = _read(program, ["y"], {"x": real(*shape)})
    assert [operation.kind for operation in result.operations] == ["add"]
    assert [operation.kind for operation in result.compressed] == [operation.kind]
    assert result.constants["weight"][0] == ValueType("float32", shape)
    content = files({"x": real(*shape)}, program, ["y"])
    assert answers(content, {"x": np.zeros(shape)})["y"].tolist() == expected


@pytest.mark.parametrize(("kind", "attributes", "expected"), IOS_16)
def test_weights_in_the_form_of_ios_16_stand_in_attributes(
    kind: str, attributes: dict[str, Argument], expected: Any
) -> None:
    _assert_weight(
        compressed(f"constexpr_{kind}", attributes, weight=real(*np.shape(expected))), expected
    )


@pytest.mark.parametrize(("kind", "inputs", "expected"), IOS_18)
def test_weights_in_the_form_of_ios_18_stand_in_inputs(
    kind: str, inputs: dict[str, Argument], expected: Any
) -> None:
    _assert_weight(op(f"constexpr_{kind}", inputs, weight=real(*np.shape(expected))), expected)


def test_decompression_goes_on_from_one_operator_to_the_next() -> None:
    mask = constant([[1, 0, 1], [0, 1, 1]], "uint1", "file")
    table, scale = constant(np.array([[[[1], [2]]]]), "int8"), constant([[0.5], [2.0]], "float32")
    chain = [
        op(
            "constexpr_lut_to_sparse",
            {
                "indices_mask": mask,
                "indices_nonzero_data": constant([0, 1, 1, 0], "uint1", "file"),
                "lut": table,
            },
            mask=("uint1", (2, 3)),
            data=("int8", (4,)),
        ),
        op(
            "constexpr_sparse_blockwise_shift_scale",
            {"data_mask": "mask", "nonzero_data": "data", "scale": scale},
            scaled_mask=("uint1", (2, 3)),
            scaled=real(4),
        ),
        op(
            "constexpr_sparse_to_dense",
            {"nonzero_data": "scaled", "mask": "scaled_mask"},
            weight=real(2, 3),
        ),
    ]
    result = _read(chain, ["weight"])
    assert [operation.kind for operation in result.compressed] == [
        operation.kind for operation in chain
    ]
    assert result.operations == []
    assert result.constants["data"][1].tolist() == [1, 2, 2, 1]
    assert result.constants["weight"][1].tolist() == [[0.5, 0, 1], [0, 4, 2]]


def test_a_weight_has_the_shape_that_its_output_declares() -> None:
    attributes: dict[str, Argument] = {
        "indices": constant([0b10], "uint8"),
        "lut": constant([1.0, 2.0], "float16"),
    }
    result = _read(
        [
            compressed(
                "constexpr_lut_to_dense",
                attributes | {"shape": constant([2], "uint32")},
                w=half(2, 1),
            )
        ],
        ["w"],
    )
    assert result.constants["w"][0] == ValueType("float16", (2, 1))
    assert result.constants["w"][1].tolist() == [[1], [2]]
