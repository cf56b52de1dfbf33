"""Metadata of a handmade .tflite file, read slot by slot; the model's outputs stay the same."""

import io
import struct
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import number_types
from flatbuffers.table import Table

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.litert import FILE, metadata, run
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import Operator, single_output
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, TensorSpec
from tests.contracts import image_contract, probabilities, with_image
from tests.handmade import softmax_tflite

ABOUT = ReleaseInfo(
    name="digits", version="1.2.3", author="Someone", license="MIT", description="Reads digits."
)
CONTRACT = image_contract(
    "classification",
    2,
    3,
    "grayscale",
    "none",
    "bilinear",
    mean=[127.5],
    scale=[1 / 127.5],
    labels=["zero", "één"],
)
# Slots in the order of the fields of metadata_schema.fbs.
NAME, DESCRIPTION, VERSION, SUBGRAPHS, AUTHOR, LICENSE = 0, 1, 2, 3, 4, 5
PROCESS_UNITS = 4
FEATURES = 1  # in the union ContentProperties


@pytest.fixture(scope="module")
def attached() -> bytes:
    return metadata.attach(softmax_tflite(), CONTRACT, ABOUT)


@pytest.fixture(scope="module")
def root(attached: bytes) -> Table:
    """The root table of the metadata."""
    return _root(attached)


def _root(attached: bytes) -> Table:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(attached), 0))
    entries = {entry.name.decode(): entry.buffer for entry in model.metadata}
    content = bytes(model.buffers[entries["TFLITE_METADATA"]].data)
    assert content[4:8] == b"M001"
    return Table(bytearray(content), struct.unpack("<I", content[:4])[0])


def _at(table: Table, slot: int) -> int:
    """Return where a field lies; every field that is asked for has to be there."""
    offset = table.Offset(4 + 2 * slot)
    assert offset
    return int(offset + table.Pos)


def _text(table: Table, slot: int) -> str:
    result: bytes = table.String(_at(table, slot))
    return result.decode()


def _below(table: Table, slot: int) -> Table:
    return Table(table.Bytes, table.Indirect(_at(table, slot)))


def _only(table: Table, slot: int) -> Table:
    """Return the one element of a vector of tables."""
    offset = _at(table, slot) - table.Pos
    assert table.VectorLen(offset) == 1
    return Table(table.Bytes, table.Indirect(table.Vector(offset)))


def _floats(table: Table, slot: int) -> list[float]:
    offset = _at(table, slot) - table.Pos
    numbers = range(table.VectorLen(offset))
    return [
        float(table.Get(number_types.Float32Flags, table.Vector(offset) + 4 * number))
        for number in numbers
    ]


def test_ids_are_features_that_are_described_and_not_normalized() -> None:
    ids = ContractInput("text", "text", TensorSpec("text", (2,), "int32", 256), ())
    classes = ["de", "tr"]
    contract = Contract("classification", (ids,), (probabilities(classes),), classes)
    attached = metadata.attach(softmax_tflite(), contract, ABOUT)
    tensor = _only(_only(_root(attached), SUBGRAPHS), 2)
    assert _text(tensor, 0) == "text"
    assert _text(tensor, 1).startswith("first 2 bytes of a text in UTF-8, each plus 1")
    content = _below(tensor, 3)
    assert content.Get(number_types.Uint8Flags, _at(content, 0)) == FEATURES
    assert tensor.Offset(4 + 2 * PROCESS_UNITS) == 0


def test_file_says_who_made_it_and_what_it_is(root: Table) -> None:
    assert [_text(root, slot) for slot in (NAME, DESCRIPTION, VERSION, AUTHOR, LICENSE)] == [
        "digits",
        "Reads digits.",
        "1.2.3",
        "Someone",
        "MIT",
    ]


def test_input_is_divided_by_127_5_where_our_contract_multiplies(root: Table) -> None:
    image = _only(_only(root, SUBGRAPHS), 2)
    assert _text(image, 0) == "image"
    assert _text(image, 1) == "grey image, resized by bilinear"
    options = _below(_only(image, 4), 1)
    assert _floats(options, 0) == [127.5]
    assert _floats(options, 1) == pytest.approx([127.5])


def test_input_is_a_grey_image_of_its_own_size(root: Table) -> None:
    properties = _below(_below(_only(_only(root, SUBGRAPHS), 2), 3), 1)
    assert (
        properties.Get(number_types.Uint8Flags, _at(properties, 0)) == 2
    )  # ColorSpaceType.GRAYSCALE
    size = _below(properties, 1)
    assert [size.Get(number_types.Uint32Flags, _at(size, slot)) for slot in (0, 1)] == [
        3,
        2,
    ]  # width, height


def test_every_channel_has_its_numbers_and_no_reader_takes_blue_first_for_red_first() -> None:
    agreed = with_image(CONTRACT, color="bgr", mean=[104.0, 117.0, 123.0], scale=[1.0, 0.5, 0.25])
    image = _only(_only(_root(metadata.attach(softmax_tflite(), agreed, ABOUT)), SUBGRAPHS), 2)
    assert _text(image, 1) == "bgr image, resized by bilinear"
    options = _below(_only(image, 4), 1)
    assert [_floats(options, slot) for slot in (0, 1)] == [[104.0, 117.0, 123.0], [1.0, 2.0, 4.0]]
    properties = _below(_below(image, 3), 1)
    assert properties.Offset(4) == 0  # the field has its default, ColorSpaceType.UNKNOWN


def test_output_points_at_the_labels(root: Table) -> None:
    answer = _only(_only(root, SUBGRAPHS), 3)
    assert _text(answer, 0) == "probabilities"
    assert _text(_only(answer, 6), 0) == "labels.txt"


def test_labels_are_a_zip_behind_the_model(attached: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(attached)) as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode() == "zero\néén\n"
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_same_model_and_words_give_the_same_bytes(attached: bytes) -> None:
    assert metadata.attach(softmax_tflite(), CONTRACT, ABOUT) == attached


def test_model_answers_as_before_under_a_name_of_our_own(attached: bytes) -> None:
    inspection = inspect({FILE: attached})
    assert (inspection.input.name, inspection.output.name, inspection.output.shape) == (
        "image",
        "probabilities",
        [1, 2],
    )
    assert inspection.operators == [Operator("SOFTMAX", ("float32",))]
    session = run.load({FILE: attached}, 1)
    session.feed({"image": np.log(np.array([[1, 3]], np.float32))})
    session.invoke()
    np.testing.assert_allclose(single_output(session.read()), [[0.25, 0.75]], rtol=1e-6)
