"""Inspect a model file of any supported format."""

from pathlib import Path

from edgebake.errors import EdgebakeError, ModelError
from edgebake.models import importers
from edgebake.models.importers import safety
from edgebake.models.inspection import keras, onnx, saved_model, tflite
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.terminal.printable import printable

READERS = {"keras": keras.read, "onnx": onnx.read, "tflite": tflite.read}
MAX_MESSAGE = 2000  # characters of a message
MAX_SUMMARY = 300  # characters of an exception of a library


def inspect_file(path: Path) -> ModelInfo:
    """Read what a model file, or the folder of a SavedModel, states about its model.

    Raises:
        ModelError: the file is missing, damaged or not a model; the message says what to do next.
    """
    try:
        return _inspect(path)
    except EdgebakeError as error:
        # A message about a file is one line, whatever names the file holds.
        message = printable(error, max_length=MAX_MESSAGE)
        raise type(error)(message) from None


def _inspect(path: Path) -> ModelInfo:
    pointer = path.with_name(f"{path.name}.dvc")
    if not path.exists() and pointer.exists():
        raise ModelError(
            f"{path}: not found, but {pointer.name} exists; run `dvc pull {path}` first"
        )
    if path.is_dir() and not (path / importers.SAVED_MODEL).is_file():
        raise ModelError(f"{path}: {_describe_folder(path)}; expected {importers.EXPECTED}")
    model_format = importers.format_of(str(path))
    read = READERS[model_format]
    if path.is_dir():
        read = saved_model.read
    else:
        safety.refuse_non_model(path, str(path))
    try:
        return read(path)
    except EdgebakeError:
        raise
    # h5py, flatbuffers, protobuf and TensorFlow raise any exception for a damaged file.
    except Exception as error:
        summary = str(error).strip() or type(error).__name__
        summary = summary.splitlines()[0][:MAX_SUMMARY]
        raise ModelError(
            f"{path}: is damaged, or no {model_format} model ({summary}); copy it again, or save "
            "the model again"
        ) from error


def _describe_folder(path: Path) -> str:
    """Return what a folder without saved_model.pb is, and what to do."""
    if (path / "variables").is_dir() or (path / "keras_metadata.pb").is_file():
        return f"{importers.SAVED_MODEL} is missing from this SavedModel; copy the folder again"
    if (path / "checkpoint").is_file():
        return (
            "a TensorFlow checkpoint holds only weights; "
            "save the whole model: model.export('folder')"
        )
    return f"a folder without {importers.SAVED_MODEL}"
