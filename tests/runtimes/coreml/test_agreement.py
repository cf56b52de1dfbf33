"""The executor agrees with Keras on float32 programs of every architecture and of two heads.

On a Mac, also with Core ML. MobileNetV3-Small stands for MobileNetV3-Large, which repeats the same
blocks more often; on a Mac both are compared.

Guards that gates of Core ML that are decided without a Mac are decided on the right answers.
Slow: it converts five architectures and two heads.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake import plugins
from edgebake.artifacts import write_files
from edgebake.models import keras_session
from edgebake.recipe import Model
from edgebake.runtimes.coreml import FILE, package
from edgebake.runtimes.coreml.convert import package_files
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic
from tests import architectures
from tests.contracts import square_contract
from tests.runtimes.coreml import heads

pytestmark = pytest.mark.slow

ARCHITECTURES = architectures.NAMES
COMPARED = [name for name in ARCHITECTURES if name != "mobilenet_v3_large"]
HEADS: dict[str, Callable[[], Any]] = {
    "detection": heads.detection,
    "segmentation": heads.segmentation,
}
RESOLUTION = 64
RELATIVE = 1e-4  # largest difference, to the largest value of an output
Found = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def built(keras: Any, name: str) -> Any:
    """Return a model whose batch norms have different statistics of data in every channel."""
    keras.utils.set_random_seed(3)
    model = HEADS[name]() if name in HEADS else _classifier(name)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in norms:
        layer.momentum = 0.0
    model(images(model, 8), training=True)
    random = np.random.default_rng(3)
    for layer in norms:
        layer.moving_variance.assign(
            layer.moving_variance * random.uniform(0.8, 1.25, layer.moving_variance.shape)
        )
    return model


def _classifier(architecture: str) -> Any:
    build = plugins.load("model.architecture", architecture).build
    options = Model(architecture, 0.5, RESOLUTION)
    return build(options, square_contract(RESOLUTION, 3, 10))


def images(model: Any, count: int) -> NDArray[np.float32]:
    return (
        np.random.default_rng(0)
        .uniform(-1, 1, (count, *model.inputs[0].shape[1:]))
        .astype(np.float32)
    )


def converted(keras: Any, model: Any, precision: str, target: str) -> dict[str, bytes]:
    """Return a package with the model's own input and outputs, without image and classifier."""
    import coremltools as ct
    import tensorflow as tf

    shape = (1, *model.inputs[0].shape[1:])

    image_spec = tf.TensorSpec(shape, tf.float32, name="image")

    @tf.function(input_signature=[image_spec])  # type: ignore[untyped-decorator]
    def predict(image: Any) -> Any:
        return model(image, training=False)

    program = ct.convert(
        [predict.get_concrete_function()],
        source="tensorflow",
        convert_to="mlprogram",
        minimum_deployment_target=ct.target[target],
        compute_precision=ct.precision[precision],
        skip_model_load=True,
    )
    return package_files(program)


def of_keras(model: Any, image: NDArray[np.float32]) -> list[NDArray[Any]]:
    result = model(image, training=False)
    return [np.asarray(entry) for entry in (result if isinstance(result, list) else [result])]


def of_executor(
    files: dict[str, bytes], image: NDArray[np.float32], arithmetic: Arithmetic
) -> Found:
    return Executor(package.read(files), arithmetic).predict({"image": image})


def of_core_ml(files: dict[str, bytes], image: NDArray[np.float32], units: str) -> Found:
    import coremltools as ct

    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        model = ct.models.MLModel(str(Path(folder) / FILE), compute_units=ct.ComputeUnit[units])
        return {name: np.asarray(value) for name, value in model.predict({"image": image}).items()}


def gap(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference, to the largest value that was expected."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_five_architectures_are_compared_and_six_on_a_mac() -> None:
    assert (len(COMPARED), len(ARCHITECTURES)) == (5, 6)


@pytest.mark.parametrize("name", [*COMPARED, *HEADS])
def test_a_float32_program_answers_as_keras_does(keras: Any, name: str) -> None:
    model = built(keras, name)
    files = converted(keras, model, "FLOAT32", "iOS15")
    for image in np.split(images(model, 3), 3):
        expected = of_keras(model, image)
        outputs = of_executor(files, image, Arithmetic.float16)
        assert len(outputs) == len(expected)
        # coremltools names outputs as it likes; shapes tell them apart.
        for expected_value in expected:
            assert (
                gap(
                    next(
                        value for value in outputs.values() if value.shape == expected_value.shape
                    ),
                    expected_value,
                )
                < RELATIVE
            )


@pytest.mark.parametrize("name", ["ds_cnn", "mobilenet_v2", *HEADS])
def test_half_precision_costs_something_and_not_much(keras: Any, name: str) -> None:
    model = built(keras, name)
    files = converted(keras, model, "FLOAT16", "iOS16")
    image = images(model, 1)
    for expected in of_keras(model, image):
        result = [
            next(
                value
                for value in of_executor(files, image, way).values()
                if value.shape == expected.shape
            )
            for way in Arithmetic
        ]
        assert (result[0] != result[1]).any()
        assert 0 < gap(result[0], expected) < 0.05


@pytest.mark.mac
@pytest.mark.parametrize("precision", ["FLOAT32", "FLOAT16"])
@pytest.mark.parametrize("units", ["CPU_ONLY", "ALL", "CPU_AND_NE"])
@pytest.mark.parametrize("name", [*ARCHITECTURES, *HEADS])
def test_core_ml_answers_as_the_executor_does(
    keras: Any, name: str, units: str, precision: str
) -> None:
    model = built(keras, name)
    files = converted(keras, model, precision, "iOS16")
    image = images(model, 1)
    executed = of_executor(files, image, Arithmetic.float16)
    # In float32 on the CPU only the order of sums differs; other units compute in float16.
    allowed = 1e-3 if (precision, units) == ("FLOAT32", "CPU_ONLY") else 0.05
    for output, value in of_core_ml(files, image, units).items():
        assert gap(executed[output], value) < allowed
