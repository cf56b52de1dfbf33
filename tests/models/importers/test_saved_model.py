"""A SavedModel becomes a layer that runs its graph: equal predictions and bytes everywhere."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import keras as keras_format
from edgebake.models.inspection.file import inspect_file
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import CoreML, Head, Output, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import single_output
from tests.models.importers.made import contract, model, options

ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
PIXELS = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def exported(made: Any, folder: Path) -> Path:
    made.export(folder, verbose=False)
    return folder


def function(tensorflow: Any, body: Any, shape: Any, folder: Path, **signatures: Any) -> Path:
    module = tensorflow.Module()
    module.made = tensorflow.function(
        body, input_signature=[tensorflow.TensorSpec(shape, tensorflow.float32)]
    )
    tensorflow.saved_model.save(
        module, folder, signatures={"serving_default": module.made, **signatures}
    )
    return folder


def test_an_exported_model_answers_the_same_after_it_was_saved(keras: Any, tmp_path: Path) -> None:
    made = model(keras)
    folder = exported(made, tmp_path / "model")
    archives = [
        keras_session.save(keras_format.load(contract(4), options(folder))) for _ in range(2)
    ]
    assert archives[0] == archives[1]
    found = keras_session.load(archives[0])
    images = contract(4).image.normalize(PIXELS)
    assert np.asarray(found(images)) == pytest.approx(np.asarray(made(images)), abs=1e-6)


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime", "coreml"])
def test_every_runtime_computes_what_the_graph_does(
    keras: Any, tmp_path: Path, runtime: str
) -> None:
    made = model(keras)
    archive = keras_session.save(
        keras_format.load(contract(4), options(exported(made, tmp_path / "model")))
    )
    coreml = None
    if runtime == "coreml":
        coreml = CoreML("iOS18", Precision.float32, [], None)
    params = ConvertParams(runtime=runtime, coreml=coreml, about=ABOUT)
    item = QuantizedModel(archive, "none", "float32", "float32")
    files = load_runtime(runtime).convert_model(item, contract(4), params)
    session = importlib.import_module(f"edgebake.runtimes.{runtime}.run").load(files, 1)
    scaled = contract(4).image.normalize(PIXELS[:1])
    session.feed({"image": PIXELS[:1] if runtime == "coreml" else scaled})
    session.invoke()
    assert np.asarray(single_output(session.read())) == pytest.approx(
        np.asarray(made(scaled)), abs=1e-5
    )


def test_a_graph_of_one_image_is_opened_for_several(keras: Any, tmp_path: Path) -> None:
    import tensorflow

    kernel = tensorflow.constant(
        np.random.default_rng(0).normal(0, 0.1, (768, 4)).astype(np.float32)
    )
    folder = function(
        tensorflow,
        lambda image: tensorflow.nn.softmax(tensorflow.reshape(image, (1, 768)) @ kernel),
        (1, 16, 16, 3),
        tmp_path,
    )
    images = contract(4).image.normalize(PIXELS)
    found = np.asarray(keras_format.load(contract(4), options(folder))(images))
    assert found == pytest.approx(
        tensorflow.nn.softmax(images.reshape(2, 768) @ kernel).numpy(), abs=1e-6
    )


def test_a_graph_that_cannot_take_several_is_refused(keras: Any, tmp_path: Path) -> None:
    import tensorflow

    folder = function(
        tensorflow,
        lambda image: tensorflow.nn.softmax(tensorflow.reduce_mean(image, (0, 1, 2))[None]),
        (1, 16, 16, 3),
        tmp_path,
    )
    with pytest.raises(ModelError, match="takes 1 images at a time and no other number"):
        keras_format.load(contract(3), options(folder))


def test_a_graph_that_reads_a_file_is_refused_before_it_is_loaded(
    keras: Any, tmp_path: Path
) -> None:
    import tensorflow

    def body(image: Any) -> Any:
        length = tensorflow.strings.length(tensorflow.io.read_file("/etc/hostname"))
        return tensorflow.nn.softmax(
            tensorflow.reduce_mean(image, (1, 2)) + tensorflow.cast(length, tensorflow.float32)
        )

    folder = function(tensorflow, body, (None, 16, 16, 3), tmp_path)
    with pytest.raises(ModelError, match="do more than compute: ReadFile, StringLength"):
        keras_format.load(contract(3), options(folder))


def test_a_graph_that_was_exported_with_augmentation_is_refused(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3))
    turned = keras.layers.RandomRotation(0.1, name="turned")(keras.layers.RandomFlip()(image))
    folder = exported(keras.Model(image, model(keras)(turned)), tmp_path / "model")
    with pytest.raises(ModelError) as error:
        keras_format.load(contract(4), options(folder))
    assert str(error.value).startswith(
        f"{folder}: training is on in its serving signature, which draws random numbers or "
        "writes variables: AssignVariableOp"
    )
    assert str(error.value).endswith(
        "expected a graph that answers an image always alike. Import the .keras or .h5 file of the "
        "model, of which augmentation is left out"
    )
    inspected = inspect_file(folder)
    assert str(error.value).startswith(f"{folder}: {str(inspected.unsupported)[:120]}")


def test_loops_of_recurrent_layers_are_kept(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3))
    steps = keras.layers.Reshape((16, 48))(image)
    both = keras.layers.Bidirectional(keras.layers.LSTM(3))(steps)
    made = keras.Model(image, keras.layers.Dense(4, activation="softmax")(both))
    folder = exported(made, tmp_path / "model")
    images = contract(4).image.normalize(PIXELS)
    found = keras_session.load(keras_session.save(keras_format.load(contract(4), options(folder))))
    assert np.asarray(found(images)) == pytest.approx(np.asarray(made(images)), abs=1e-6)


@pytest.mark.parametrize(
    ("last", "said"), [("sigmoid", Output.probabilities), (None, Output.logits)]
)
def test_one_number_becomes_that_of_two_classes(
    keras: Any, tmp_path: Path, last: str | None, said: Output
) -> None:
    made = model(keras, 1, last)
    folder = exported(made, tmp_path / "model")
    images = contract(2).image.normalize(PIXELS)
    one = np.asarray(made(images))[:, 0]
    chance = one if last else 1 / (1 + np.exp(-one))
    found = keras_session.load(
        keras_session.save(keras_format.load(contract(2), options(folder, said)))
    )
    expected = np.stack([1 - chance, chance], axis=1)
    assert np.asarray(found(images)) == pytest.approx(expected, abs=1e-6)


def test_its_head_cannot_be_replaced(keras: Any, tmp_path: Path) -> None:
    folder = exported(model(keras), tmp_path / "model")
    with pytest.raises(ModelError, match=r"is a SavedModel.*model\.imported\.head: new"):
        keras_format.load(contract(7), options(folder, head=Head.new))


def test_a_folder_that_lacks_its_weights_is_refused(keras: Any, tmp_path: Path) -> None:
    folder = exported(model(keras), tmp_path / "model")
    for file in (folder / "variables").iterdir():
        file.unlink()
    with pytest.raises(ModelError, match=r"expected saved_model\.pb and all of variables/"):
        keras_format.load(contract(4), options(folder))


def test_a_damaged_graph_is_refused(keras: Any, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff nothing")
    with pytest.raises(ModelError, match=r"saved_model\.pb is damaged"):
        keras_format.load(contract(4), options(tmp_path))
