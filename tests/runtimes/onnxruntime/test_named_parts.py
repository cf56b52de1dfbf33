"""Two .onnx files that differ in one thing differ in the part of that name alone."""

from collections.abc import Callable

import onnx
import pytest

from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.named_parts import named_parts
from tests.handmade import constant_onnx


def _model() -> onnx.ModelProto:
    model = onnx.load_from_string(constant_onnx(7))
    onnx.helper.set_model_props(model, {"author": "nobody"})
    model.producer_name = "somebody"
    return model


def _parts(model: onnx.ModelProto) -> dict[str, bytes]:
    return named_parts({FILE: model.SerializeToString()})


def test_parts_are_named_as_a_reader_knows_them() -> None:
    assert list(_parts(_model())) == [
        "opset ai.onnx",
        "metadata author",
        "ir_version",
        "producer_name",
        "input 'image'",
        "output 'probabilities'",
        "initializer 'weights'",
        "initializer 'bias'",
        "node 0 Flatten 'flatten'",
        "node 1 Gemm 'dense'",
        "graph name",
    ]


def _weight(model: onnx.ModelProto) -> None:
    item = model.graph.initializer[0]
    item.raw_data = b"\x01" + item.raw_data[1:]


def _attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("axis", 1))


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 18


def _property(model: onnx.ModelProto) -> None:
    model.metadata_props[0].value = "somebody"


def _producer(model: onnx.ModelProto) -> None:
    model.producer_name = ""


def _shape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (_weight, "initializer 'weights'"),
        (_attribute, "node 0 Flatten 'flatten'"),
        (_opset, "opset ai.onnx"),
        (_property, "metadata author"),
        (_producer, "producer_name"),
        (_shape, "input 'image'"),
    ],
)
def test_what_was_changed_is_the_part_that_differs(
    edit: Callable[[onnx.ModelProto], None], expected: str
) -> None:
    model = _model()
    edit(model)
    original, changed = _parts(_model()), _parts(model)
    assert [name for name in original | changed if original.get(name) != changed.get(name)] == [
        expected
    ]
