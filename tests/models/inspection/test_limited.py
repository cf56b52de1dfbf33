"""Files that are inspected in a child process with limits."""

import sys
from pathlib import Path

import pytest

from edgebake.child_process.limits import Limits
from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.inspection import file, limited
from tests import other_system

FILES = Path(__file__).parents[1] / "importers/files"
MODELS = sorted(path for path in FILES.iterdir() if path.suffix in (".keras", ".h5"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_child_says_of_a_file_what_this_process_would(path: Path) -> None:
    assert limited.inspect_file(path) == file.inspect_file(path)


def test_a_refusal_is_that_of_the_inspection(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    with pytest.raises(ModelError) as caught:
        limited.inspect_file(path)
    assert str(caught.value) == f"{path}: is empty; expected a model"


def test_a_file_that_needs_more_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "darwin":
        other_system.skip("macOS does not limit addresses")
    monkeypatch.setattr(limited, "limits", lambda _: Limits(memory_gib=0.3, seconds=60))
    path = tmp_path / "model.tflite"
    with path.open("wb") as stream:
        stream.write(b"\x1c\0\0\0TFL3")
        stream.truncate(400 * 1024**2)  # a hole, which needs no space on the disk
    with pytest.raises(ModelError) as caught:
        limited.inspect_file(path)
    problem = "the FlatBuffers parser needed more than 0.3 GiB of memory"
    assert str(caught.value) == f"{path}: {problem}; {limited.EXPECTED}"


@pytest.mark.slow
def test_a_saved_model_is_read_in_a_child(tmp_path: Path) -> None:
    """Guards that TensorFlow, whose protobufs it takes, can be imported within the limits.

    Slow: imports TensorFlow twice.
    """
    keras = keras_session.start(1)
    image = keras.Input((8, 8, 3))
    keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image))).export(tmp_path / "m")
    info = limited.inspect_file(tmp_path / "m")
    assert (info.container, info.image, info.parameters) == ("SavedModel", (8, 8, 3), 386)


def test_the_time_grows_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    assert limited.limits(path).seconds == 60
    with path.open("wb") as stream:
        stream.truncate(20_000_000)
    assert limited.limits(path).seconds == 70
    assert limited.limits(tmp_path).seconds == 60  # of a SavedModel, only the graph is read
