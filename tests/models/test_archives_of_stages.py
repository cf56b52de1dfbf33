"""An archive that comes from a cache is checked as one of a stranger."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import saved_model
from tests.models.importers import hostile_saved_models as hostile

FILE = "the .keras archive of an earlier stage"
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the archive of a model that runs a graph."""
    keras_session.start(1)
    import tensorflow

    folder = tmp_path_factory.mktemp("model")
    hostile.in_signature(tensorflow, lambda: None, folder)
    return keras_session.save(saved_model.read(folder, "model"))


def entries_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_graph(archive: bytes, graph: bytes) -> bytes:
    """Return the archive with another graph in its layer."""
    entries = entries_of(archive)
    stream = io.BytesIO(entries["model.weights.h5"])
    with h5py.File(stream, "a") as store:
        variables = store["layers/graph/vars"]
        del variables["graph"]
        variables["graph"] = np.frombuffer(graph, np.uint8)
    entries["model.weights.h5"] = stream.getvalue()
    return packed(entries)


def writing_graph(victim: Path) -> bytes:
    """Return a graph that writes a file, and then computes as the other does."""
    import tensorflow

    graph = tensorflow.Graph()
    with graph.as_default():
        image = tensorflow.compat.v1.placeholder(tensorflow.float32, (None, 8, 8, 1), "image")
        write = tensorflow.io.write_file(str(victim), "written by a model")
        with tensorflow.control_dependencies([write]):
            tensorflow.reduce_mean(image, (1, 2), name="Identity")
    content: bytes = graph.as_graph_def().SerializeToString()
    return content


def config_with(archive: bytes, **replaced: Any) -> bytes:
    """Return the archive with other names of the class of its last layer."""
    entries = entries_of(archive)
    config = json.loads(entries["config.json"])
    config["config"]["layers"][-1].update(replaced)
    entries["config.json"] = json.dumps(config).encode()
    return packed(entries)


def test_an_archive_with_a_graph_is_loaded(archive: bytes) -> None:
    model = keras_session.load(archive)
    assert np.asarray(model(IMAGES)) == pytest.approx(np.full((2, 10), 0.1))


def test_a_graph_that_writes_a_file_is_refused(archive: bytes, tmp_path: Path) -> None:
    victim = tmp_path / "victim.pth"
    poisoned = with_graph(archive, writing_graph(victim))
    with pytest.raises(ModelError) as refused:
        keras_session.load(poisoned)
    assert str(refused.value) == (
        f"{FILE}: holds operators that do more than compute: WriteFile (operation 'WriteFile'); "
        "expected a graph that only computes. Export the model without them"
    )
    assert not victim.exists()


def test_the_layer_itself_refuses_such_a_graph(archive: bytes, tmp_path: Path) -> None:
    model = keras_session.load(archive)
    graph = np.frombuffer(writing_graph(tmp_path / "victim"), np.uint8)
    with pytest.raises(ModelError, match="do more than compute: WriteFile"):
        model.layers[-1].load_own_variables({"graph": graph})


def test_a_damaged_graph_is_refused(archive: bytes) -> None:
    with pytest.raises(ModelError, match=f"{FILE}: the graph in it is damaged; build it again"):
        keras_session.load(with_graph(archive, b"\xff\xff\xff no graph"))


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"class_name": "TFSMLayer", "registered_name": None}, "is a TFSMLayer, which reads files"),
        ({"class_name": "Lambda"}, "is a Lambda: Python code in the file"),
        ({"class_name": "Popen", "module": "subprocess", "registered_name": None}, "'Popen'"),
        ({"class_name": "Graph", "registered_name": "mine>Graph"}, "is of the class 'Graph'"),
        ({"class_name": ["Graph"]}, r"has the class_name \['Graph'\]; expected text"),
    ],
)
def test_a_class_of_others_is_refused(
    archive: bytes, replaced: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=f"{FILE}: layer 'graph' .*{message}|{message}"):
        keras_session.load(config_with(archive, **replaced))


def test_other_entries_of_an_archive_are_not_read(archive: bytes) -> None:
    entries = entries_of(archive)
    entries["assets/layers/graph/vocabulary.txt"] = b"of a stranger"
    entries["../outside.txt"] = b"of a stranger"
    keras_session.load(packed(entries))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x80\x04 a pickle"])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match=f"{FILE}: is damaged"):
        keras_session.load(content)
