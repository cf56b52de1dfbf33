"""Parsers of model files: inspection, and the first reading of an import."""

import tempfile
from functools import cache
from pathlib import Path
from random import Random

import h5py  # type: ignore[import-untyped]
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgebake.models.importers import hdf5_check, keras_archive, keras_structure, onnx_graph, safety
from edgebake.models.importers import tflite as tflite_importer
from edgebake.models.inspection import file, label_text
from edgebake.report import model_file
from tests.fuzz import mutations
from tests.fuzz.target import Target, file_parser
from tests.models.inspection import (
    hostile_keras,
    hostile_onnx,
    hostile_tflite,
    test_hostile_saved_model,
)


def _inspect(path: Path) -> None:
    report = model_file.lines(file.inspect_file(path), str(path))
    assert len(report) < 100
    assert max(len(line) for line in report) < 30_000


def _onnx() -> list[bytes]:
    weights = numpy_helper.from_array(np.zeros((192, 10), np.float32), "w")
    scale = helper.make_tensor("c", TensorProto.FLOAT, [1], [0.5])
    nodes = [
        hostile_onnx.node("Mul", "x c", "s"),
        hostile_onnx.node("Flatten", "s", "f"),
        hostile_onnx.node("MatMul", "f w", "l"),
        hostile_onnx.node("Softmax", "l", "y"),
    ]
    plain = hostile_onnx.model(nodes, [weights, scale], metadata={"names": "{0: 'a', 1: 'b'}"})
    functions = hostile_onnx.billion_laughs(2)
    return [plain.SerializeToString(), functions.SerializeToString()]


def _tflite() -> list[bytes]:
    return [
        hostile_tflite.packed(hostile_tflite.model()),
        hostile_tflite.of_operators("RESHAPE", ([0], [2]), ([2], [1])),
        hostile_tflite.with_labels(b"cat\ndog\n"),
    ]


def _weights(store: h5py.File) -> None:
    store["model_weights/d/kernel"] = np.zeros((4, 3), np.float32)
    store["model_weights/d"].attrs["weight_names"] = ["kernel"]


def _h5() -> list[bytes]:
    return [hostile_keras.hdf5(_weights), hostile_keras.hdf5(hostile_keras.odd_datasets)]


def _keras() -> list[bytes]:
    return [
        hostile_keras.archive(hostile_keras.rich_config()),
        hostile_keras.archive(
            hostile_keras.sequential(hostile_keras.IMAGE, hostile_keras.DENSE),
            store=hostile_keras.weights(),
        ),
    ]


def _keras_config(data: bytes, random: Random) -> bytes:
    entry = random.choice((keras_archive.CONFIG,) * 4 + (keras_archive.METADATA,))
    return mutations.in_zip(entry, mutations.change_json)(data, random)


def _read_hdf5(path: Path) -> None:
    with path.open("rb") as stream, h5py.File(stream, "r") as store:
        hdf5_check.check(store, "net.h5")


def _read_keras(path: Path) -> None:
    """Read an archive as the importer does, up to the call of Keras."""
    names = (keras_archive.CONFIG, keras_archive.METADATA, keras_archive.WEIGHTS)
    entries = keras_archive.read(path, "net.keras", names)
    config = keras_archive.parse_config(entries[keras_archive.CONFIG], "net.keras")
    keras_structure.check(config, "net.keras")
    safety.refuse_code(config, "net.keras", allow_code=False)


@cache
def _saved_model() -> dict[str, bytes]:
    """The files of a SavedModel whose functions call each other, by their paths."""
    import tensorflow

    with tempfile.TemporaryDirectory() as folder:
        edit = test_hostile_saved_model.ring_of_functions(3)
        saved = test_hostile_saved_model.save(tensorflow, Path(folder) / "saved", edit)
        files = [path for path in saved.rglob("*") if path.is_file()]
        return {str(path.relative_to(saved)): path.read_bytes() for path in files}


def _inspect_saved_model(data: bytes, folder: Path) -> None:
    for name, content in {**_saved_model(), "saved_model.pb": data}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    _inspect(folder)


def _label_texts() -> list[bytes]:
    return [b"{0: 'cat', 1: \"dog's\"}", b"['cat', 'dog',]", b'["cat", "dog"]', b'{"0": "cat"}']


TARGETS = [
    Target("inspect onnx", _onnx, file_parser("net.onnx", _inspect), in_child=True),
    Target("inspect tflite", _tflite, file_parser("net.tflite", _inspect), in_child=True),
    Target("inspect h5", _h5, file_parser("net.h5", _inspect), in_child=True),
    Target(
        "inspect keras",
        _keras,
        file_parser("net.keras", _inspect),
        mutate=_keras_config,
        in_child=True,
    ),
    Target(
        "inspect keras weights",
        _keras,
        file_parser("net.keras", _inspect),
        mutate=mutations.in_zip(keras_archive.WEIGHTS, mutations.change_bytes),
        in_child=True,
    ),
    Target(
        "inspect saved model",
        lambda: [_saved_model()["saved_model.pb"]],
        _inspect_saved_model,
        in_child=True,
    ),
    Target(
        "import onnx",
        _onnx,
        file_parser("net.onnx", lambda path: onnx_graph.load(str(path))),
        in_child=True,
    ),
    Target(
        "import tflite",
        _tflite,
        file_parser("net.tflite", lambda path: tflite_importer._read(str(path))),
        in_child=True,
    ),
    Target("import keras", _keras, file_parser("net.keras", _read_keras), mutate=_keras_config),
    Target(
        "label text",
        _label_texts,
        lambda data, _: label_text.parse(data.decode(errors="surrogateescape")),
        mutate=mutations.change_text,
    ),
]
