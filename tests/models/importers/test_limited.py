"""Models that a child process imports: the same archive, within the limits of the recipe.

Guards that an import in a child gives the bytes of an import here.
Slow: each import starts TensorFlow.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import keras as keras_importer
from edgebake.models.importers import limited
from edgebake.models.importers import onnx as onnx_importer
from edgebake.models.importers import tflite as tflite_importer
from edgebake.models.importers.limited import Importing
from edgebake.recipe import Head
from tests import other_system
from tests.models.importers import graphs, made

pytestmark = pytest.mark.slow


def test_a_keras_model_has_the_bytes_of_an_import_here_and_after_another_load(
    tmp_path: Path,
) -> None:
    keras = keras_session.start(1, seed=7)
    file = tmp_path / "model.keras"
    layers = keras.layers
    keras.Sequential(
        [
            keras.Input((made.SIZE, made.SIZE, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    ).save(file)
    importing = Importing(made.contract(3), made.options(file, head=Head.new), threads=1, seed=7)
    archive = limited.load_archive(importing)
    keras.utils.clear_session()  # forgets the names that were given, as a new process would
    keras_session.start(1, seed=7)
    here = keras_importer.load(importing.contract, importing.options)
    assert archive == keras_session.save(here)
    assert keras_session.save(keras_session.load(archive)) == archive


def test_graphs_have_the_bytes_of_an_import_here(tmp_path: Path) -> None:
    onnx_file = graphs.saved(graphs.like_pytorch(softmax=True), tmp_path / "model.onnx")
    tflite_file = graphs.tflite(tmp_path / "model.tflite")
    importers = {onnx_file: onnx_importer, tflite_file: tflite_importer}
    for file, importer in importers.items():
        importing = Importing(graphs.contract(), graphs.options(file), threads=1, seed=0)
        here = importer.load(importing.contract, importing.options)
        assert limited.load_archive(importing) == here


def test_a_refusal_is_that_of_the_importer(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"<html>")
    importing = Importing(graphs.contract(), graphs.options(file), threads=1, seed=0)
    with pytest.raises(ModelError) as caught:
        limited.load_archive(importing)
    assert str(caught.value) == (
        f"{file}: is a web page, not a model; the download needs another link"
    )


def test_an_operator_that_allocates_without_end_names_the_key_that_raises_the_limit(
    tmp_path: Path,
) -> None:
    if sys.platform == "darwin":
        other_system.skip("macOS does not limit addresses")
    file = graphs.saved(graphs.with_expanded_constant(60_000), tmp_path / "model.onnx")
    options = replace(graphs.options(file), memory_limit_gib=4)
    importing = Importing(graphs.contract(), options, threads=1, seed=0)
    with pytest.raises(ModelError) as caught:
        limited.load_archive(importing)
    problem = "needed more than 4 GiB of memory, the limit model.imported.memory_limit_gib"
    expected = "expected a model that ONNX Runtime can load within the limits of model.imported"
    assert str(caught.value) == f"{file}: ONNX Runtime {problem}; {expected}"
