"""The suffix says the format; what cannot be read is refused with what to do instead."""

from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import format_of


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("m.keras", "keras"),
        ("m.h5", "keras"),
        ("m.HDF5", "keras"),
        ("m.onnx", "onnx"),
        ("m.tflite", "tflite"),
    ],
)
def test_a_suffix_is_a_format(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).write_bytes(b"model")
    assert format_of(str(tmp_path / name)) == found


def test_a_saved_model_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"model")
    assert format_of(str(tmp_path)) == "keras"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("m.pt", "torch.onnx.export"), ("m.pth", "reading it runs code"),
        ("m.pkl", "a pickle runs code"),
        ("m.pb", "name the folder"), ("m.mlmodel", "the model that it was converted from"),
        ("m.safetensors", "weights without the model"), ("m.json", "a model without its weights"),
        ("m.keras.dvc", "dvc pull"), ("m.xyz", "unknown suffix '.xyz'"),
    ],
)  # fmt: skip
def test_other_files_are_refused_with_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(b"model")
    with pytest.raises(ModelError, match=told):
        format_of(str(tmp_path / name))


def test_what_is_not_there_is_said_to_be_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        format_of(str(tmp_path / "m.keras"))
    with pytest.raises(ModelError, match=r"a folder without saved_model\.pb"):
        format_of(str(tmp_path))
