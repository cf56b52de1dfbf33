"""Write TFLite metadata into a .tflite file: what its inputs are, labels, author, license.

Written by hand, since no official writer can be used: tflite-support ends at Python 3.11, that of
mediapipe needs 470 MB and does not import. Tables and the order of their fields:
tensorflow_lite_support/metadata/metadata_schema.fbs of
https://github.com/tensorflow/tflite-support
"""

import io
import zipfile
from collections.abc import Callable

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.tasks.contract import Contract
from edgebake.tasks.inputs.image.spec import ImageSpec, image_of
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.tensors import IMAGE, PROBABILITIES, ContractInput, ContractOutput

LABELS_FILE = "labels.txt"
BUFFER_NAME = "TFLITE_METADATA"
EPOCH = (1980, 1, 1, 0, 0, 0)

# Enumerations and union members of the schema.
_COLOR_SPACE = {"bgr": 0, "rgb": 1, "grayscale": 2}  # 0 is UNKNOWN: the schema has no BGR
_FEATURE_PROPERTIES = 1
_IMAGE_PROPERTIES = 2
_NORMALIZATION_OPTIONS = 1
_TENSOR_AXIS_LABELS = 2

FieldWriter = Callable[[int], None]  # writes one field into a slot of the open table


def attach(model: bytes, contract: Contract, about: ReleaseInfo) -> bytes:
    """Return the file with metadata inside and its labels behind it, as TFLite readers expect."""
    parsed = tables.parse(model)
    # Of an image classifier, the converter names the output Identity, whatever its name in the
    # graph is.
    graph = parsed.subgraphs[0]
    outputs = zip(graph.outputs, contract.outputs, strict=True)
    for index, output in outputs:
        tensor = graph.tensors[index]
        tensor.name = output.name
    metadata = _metadata(contract, about)
    buffer = schema.BufferT()
    buffer.data = list(metadata)
    entry = schema.MetadataT()
    entry.name = BUFFER_NAME
    entry.buffer = len(parsed.buffers)
    parsed.buffers.append(buffer)
    entries = parsed.metadata or []
    parsed.metadata = [*entries, entry]
    serialized = tables.serialize(parsed)
    return _append_labels(serialized, contract.labels)


def _append_labels(model: bytes, labels: list[str]) -> bytes:
    """Append a zip of the associated files (metadata_schema.fbs, 'associated files')."""
    lines = [f"{label}\n" for label in labels]
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo(LABELS_FILE, EPOCH)
        entry.create_system = 3
        archive.writestr(entry, "".join(lines))
    return file.getvalue()


def _metadata(contract: Contract, about: ReleaseInfo) -> bytes:
    """Return the FlatBuffer of table ModelMetadata."""
    b = flatbuffers.Builder(1024)
    input_tensors = [_input_tensor(b, spec) for spec in contract.inputs]
    output_tensors = [_output_tensor(b, output) for output in contract.outputs]
    inputs = _vector(b, input_tensors)
    outputs = _vector(b, output_tensors)
    subgraph = _table(b, 10, {2: inputs, 3: outputs})
    fields = {
        0: _text(b, about.name),
        1: _text(b, about.description),
        2: _text(b, about.version),
        3: _vector(b, [subgraph]),
        4: _text(b, about.author),
        5: _text(b, about.license),
        7: _text(b, "1.0.0"),  # min_parser_version
    }
    root = _table(b, 8, fields)
    b.Finish(root, b"M001")
    return bytes(b.Output())


def _input_tensor(b: flatbuffers.Builder, spec: ContractInput) -> int:
    """Write a table TensorMetadata."""
    process_units = []
    if spec.name == IMAGE:
        image = image_of(spec)
        content = _image_content(b, image)
        normalization = _normalization(b, image)
        process_units.append(normalization)
    else:
        content = _feature_content(b)
    kind = load_input(spec.kind)
    name = _text(b, spec.name)
    description = _text(b, kind.describe(spec))
    fields = {0: name, 1: description, 3: _offset(b, content)}
    if process_units:
        fields[4] = _vector(b, process_units)
    return _table(b, 7, fields)


def _feature_content(b: flatbuffers.Builder) -> int:
    """Write a table Content, with the empty table FeatureProperties in it.

    A tensor that is computed of a recording is no audio for TFLite's readers, which would fill it
    with samples.
    """
    features = _table(b, 0, {})
    kind = _byte(b, _FEATURE_PROPERTIES)
    return _table(b, 3, {0: kind, 1: _offset(b, features)})


def _image_content(b: flatbuffers.Builder, image: ImageSpec) -> int:
    """Write a table Content, with the table ImageProperties in it."""
    width = _uint(b, image.width)
    height = _uint(b, image.height)
    size = _table(b, 2, {0: width, 1: height})
    color_space = _byte(b, _COLOR_SPACE[image.color])
    properties = _table(b, 2, {0: color_space, 1: _offset(b, size)})
    kind = _byte(b, _IMAGE_PROPERTIES)
    return _table(b, 3, {0: kind, 1: _offset(b, properties)})


def _normalization(b: flatbuffers.Builder, image: ImageSpec) -> int:
    """Write a table ProcessUnit, with the table NormalizationOptions in it."""
    # The schema divides where the contract multiplies: (pixel - mean) / std.
    deviations = [1 / scale for scale in image.scale]
    mean_values = _floats(b, image.mean)
    std_values = _floats(b, deviations)
    mean = _offset(b, mean_values)
    std = _offset(b, std_values)
    options = _table(b, 2, {0: mean, 1: std})
    kind = _byte(b, _NORMALIZATION_OPTIONS)
    return _table(b, 2, {0: kind, 1: _offset(b, options)})


def _output_tensor(b: flatbuffers.Builder, output: ContractOutput) -> int:
    """Write a table TensorMetadata; the labels belong to probabilities alone."""
    if output.name != PROBABILITIES:
        name = _text(b, output.name)
        meaning = _text(b, output.meaning)
        return _table(b, 7, {0: name, 1: meaning})
    file_name = _text(b, LABELS_FILE)
    kind = _byte(b, _TENSOR_AXIS_LABELS)
    labels = _table(b, 5, {0: file_name, 2: kind})
    fields = {
        0: _text(b, PROBABILITIES),
        1: _text(b, "one probability per label"),
        6: _vector(b, [labels]),
    }
    return _table(b, 7, fields)


def _table(b: flatbuffers.Builder, slots: int, fields: dict[int, FieldWriter]) -> int:
    """Write a table with a number of slots; return its offset."""
    b.StartObject(slots)
    for slot, write in fields.items():
        write(slot)
    return int(b.EndObject())


def _text(b: flatbuffers.Builder, text: str) -> FieldWriter:
    offset = b.CreateString(text)
    return _offset(b, offset)


def _offset(b: flatbuffers.Builder, offset: int) -> FieldWriter:
    return lambda slot: b.PrependUOffsetTRelativeSlot(slot, offset, 0)


def _byte(b: flatbuffers.Builder, value: int) -> FieldWriter:
    return lambda slot: b.PrependUint8Slot(slot, value, 0)


def _uint(b: flatbuffers.Builder, value: int) -> FieldWriter:
    return lambda slot: b.PrependUint32Slot(slot, value, 0)


def _floats(b: flatbuffers.Builder, values: list[float]) -> int:
    """Write a vector of float32; return its offset."""
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependFloat32(value)
    return int(b.EndVector())


def _vector(b: flatbuffers.Builder, offsets: list[int]) -> FieldWriter:
    """Write a vector of offsets; return the writer of a field that refers to it."""
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    vector = b.EndVector()
    return _offset(b, int(vector))
