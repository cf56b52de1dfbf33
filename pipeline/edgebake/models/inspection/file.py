"""The path of a model file in, what is in it out."""

from pathlib import Path

from edgebake.errors import EdgebakeError, ModelError
from edgebake.models import importers
from edgebake.models.importers import safety
from edgebake.models.inspection import keras, onnx, saved_model, tflite
from edgebake.models.inspection.model_info import ModelInfo

READERS = {"keras": keras.read, "onnx": onnx.read, "tflite": tflite.read}


def inspect_file(path: Path) -> ModelInfo:
    """Return what can be read from a model file or the folder of a SavedModel.

    Raises:
        ModelError: it is none, or damaged; the text says what to do next.
    """
    note = path.with_name(f"{path.name}.dvc")
    if not path.exists() and note.exists():
        raise ModelError(f"{path}: not here, and {note.name} is; run `dvc pull {path}` first")
    if path.is_dir() and not (path / importers.SAVED_MODEL).is_file():
        raise ModelError(f"{path}: {_folder(path)}; expected {importers.EXPECTED}")
    form = importers.format_of(str(path))
    if path.is_dir():
        return saved_model.read(path)
    safety.refuse_non_model(path, str(path))
    try:
        return READERS[form](path)
    except EdgebakeError:
        raise
    # h5py, flatbuffers and protobuf raise whatever they run into in a damaged file.
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        expected = "copy it again, or save the model again"
        raise ModelError(f"{path}: is damaged, or no {form} model ({first}); {expected}") from error


def _folder(path: Path) -> str:
    """Return what a folder without saved_model.pb is."""
    if (path / "variables").is_dir() or (path / "keras_metadata.pb").is_file():
        return f"{importers.SAVED_MODEL} is missing from this SavedModel; copy the folder again"
    if (path / "checkpoint").is_file():
        return "a checkpoint of TensorFlow holds weights alone; save the whole model: model.export('folder')"
    return f"a folder without {importers.SAVED_MODEL}"
