"""Every layer and activation of Keras for images answers in each runtime as it does in Keras.

Guards that a layer that one converter lacks, or takes for another, is mended or refused by name in
all of them.
Slow: it converts each layer, and with coremltools, some 150 in a few models of many outputs.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.compression.quantization import schemes
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Compression, CoreML, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from edgebake.tasks.contract import Contract
from tests.contracts import image_contract
from tests.runtimes import layers

pytestmark = pytest.mark.slow

ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
RUNTIMES = ("litert", "onnxruntime", "coreml")
SIDE = 8
OUTPUTS = 2  # of each layer
PIXELS = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)
FLOAT_TOLERANCE = 1e-4
# Of outputs of about 1.
TOLERANCES = {"dynamic": 0.1, "int4_weights": 1.0}


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    keras = keras_session.start(1)
    keras.utils.set_random_seed(1)
    return keras


def contract(outputs: int) -> Contract:
    labels = [f"output {number}" for number in range(outputs)]
    return image_contract(
        "classification", SIDE, SIDE, "rgb", "none", "bilinear", [127.5], [1 / 127.5], labels
    )


def model_of(keras: Any, group: dict[str, Callable[[Any], Any]]) -> Any:
    """Return a model with two outputs of each layer, which depend on every value of it."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    features = keras.layers.Conv2D(8, 3, padding="same", name="stem")(image)
    outputs = []
    for name, build in group.items():
        value = keras.layers.Flatten(name=f"{name}_flat")(build(features))
        outputs.append(keras.layers.Dense(OUTPUTS, name=f"{name}_outputs")(value))
    joined = outputs[0]
    if len(outputs) > 1:
        joined = keras.layers.Concatenate(name="joined")(outputs)
    model = keras.Model(image, joined)
    random = np.random.default_rng(1)
    for weight in model.weights:
        if not weight.path.endswith("kernel") and weight.dtype == "float32":
            weight.assign(random.uniform(0.3, 0.9, weight.shape))
    return model


@functools.cache
def model_of_group(keras: Any, name: str) -> tuple[layers.Layers, Any]:
    """Return the layers of a group that no runtime refuses, and a model of them."""
    group = dict({**layers.GROUPS, "weighted": layers.weighted}[name](keras))
    for layer in layers.REFUSED:
        group.pop(layer, None)
    return group, model_of(keras, group)


def converted(model: Any, runtime: str, scheme: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the outputs [n, outputs] of the file and of Keras."""
    archive = keras_session.save(model)
    row = schemes.SCHEMES[scheme]
    item = QuantizedModel(archive, scheme, row.weights, row.activations)
    if scheme == "int4_weights":
        item = replace(item, compression=Compression(block_size=32))
    precision = Precision.float32 if scheme == "none" else Precision.float16
    options = ConvertParams(runtime, CoreML("iOS18", precision, [], None), about=ABOUT)
    agreed = contract(model.outputs[0].shape[-1])
    module = load_runtime(runtime)
    files = module.convert_model(item, agreed, options)
    images = agreed.image.normalize(PIXELS)
    is_image = module.inspect_files(files).input.is_image
    session = module.load_session(files, 1)
    answers = single_output(
        predictions(session, NamedExamples({"image": PIXELS if is_image else images}))
    )
    return answers, np.asarray(model(images, training=False))


def different(
    group: dict[str, Any], answers: NDArray[Any], expected: NDArray[Any], tolerance: float
) -> dict[str, float]:
    """Return the layers whose outputs differ by more than the tolerance, and by how much."""
    gaps = np.abs(answers - expected).reshape(len(answers), -1, OUTPUTS).max(axis=(0, 2))
    by_name = dict(zip(group, gaps.tolist(), strict=True))
    return {name: gap for name, gap in by_name.items() if not gap <= tolerance}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", layers.GROUPS)
def test_each_layer_answers_as_in_keras(keras: Any, name: str, runtime: str) -> None:
    group, model = model_of_group(keras, name)
    answers, expected = converted(model, runtime, "none")
    assert different(group, answers, expected, FLOAT_TOLERANCE) == {}


@pytest.mark.parametrize("scheme", ["dynamic", "int4_weights"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_layer_with_weights_answers_alike_with_small_ones(
    keras: Any, runtime: str, scheme: str
) -> None:
    group, model = model_of_group(keras, "weighted")
    answers, expected = converted(model, runtime, scheme)
    assert different(group, answers, expected, TOLERANCES[scheme]) == {}


REFUSALS = [(layer, runtime) for layer, runtimes in layers.REFUSED.items() for runtime in runtimes]


@pytest.mark.parametrize(("layer", "runtime"), REFUSALS)
def test_a_layer_that_a_runtime_lacks_is_refused_by_its_name(
    keras: Any, layer: str, runtime: str
) -> None:
    build = layers.all_layers(keras)[layer]
    with pytest.raises(ConversionError) as refused:
        converted(model_of(keras, {layer: build}), runtime, "none")
    message = re.sub(r"functional_\d+_\d+", "functional", str(refused.value))
    assert message == layers.REFUSED[layer][runtime]
