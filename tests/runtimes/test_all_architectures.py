"""Convert every architecture for every runtime, and every scheme for each runtime that has it.

MobileNetV3-Small stands for MobileNetV3-Large, which repeats the same blocks more often.

Guards that any architecture and any scheme may stand in a recipe for any runtime that lists it, and
that no name, path or word of the machine that built ships in a .tflite or an .onnx.
Slow: it converts each of them, some 60 conversions, each checked as in the stage;
EfficientNet alone takes half a minute.
"""

import functools
import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake import plugins
from edgebake.compression.quantization import calibration, schemes
from edgebake.data.preprocessed import PreparedInputs, prepare
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import (
    Calibration,
    Compression,
    CoreML,
    DType,
    Granularity,
    Model,
    Palette,
    Precision,
)
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.interface import load_runtime, schemes_of
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
from edgebake.runtimes.session import predictions, single_output
from edgebake.stages import convert, convert_check
from edgebake.stages.convert_check import ConvertedModel
from edgebake.tasks.contract import Contract
from tests import architectures
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
ARCHITECTURES = [name for name in architectures.NAMES if name != "mobilenet_v3_large"]
COMPRESSION: dict[str, Any] = {
    "palette": Palette(4, None, False),
    "block_size": 32,
    "sparsity": 0.5,
}
RUNTIMES = plugins.options("convert.runtime")
# In a file as it was converted, beside the names of its layers; not in one that was stripped.
WORDS = {
    "litert": ("functional", "batchnorm", "MLIR Converted", "class 7", "nobody"),
    "onnxruntime": ("constant_", "class 7", "nobody", "edgebake"),
}
SCHEMES = [(name, scheme) for name in RUNTIMES for scheme in schemes_of(name)]


def contract(color: str) -> Contract:
    return image_contract(
        "classification",
        32,
        32,
        color,
        "none",
        "bilinear",
        [127.5],
        [1 / 127.5],
        [f"class {i}" for i in range(10)],
    )


@functools.cache
def archive(architecture: str, color: str, width: float) -> bytes:
    """Return a model whose batch norms have something to fold, as after training."""
    keras = keras_session.start(convert.THREADS)
    keras.utils.set_random_seed(7)
    build = plugins.load("model.architecture", architecture).build
    model = build(Model(architecture, width, 32), contract(color))
    random = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.moving_mean.shape[0]
            layer.moving_mean.assign(random.normal(0, 0.1, channels))
            layer.moving_variance.assign(random.uniform(0.5, 1.5, channels))
    return keras_session.save(model)


@functools.cache
def ranges_of(model: bytes, color: str) -> ActivationRanges:
    """Return the ranges of a model on noise."""
    agreed = contract(color)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, agreed.image.channels), np.uint8)
    return calibration.calibrate(
        model, {"image": agreed.image.normalize(pixels)}, Calibration("min_max", 8, 0)
    )


def quantized(model: bytes, scheme: str, color: str) -> QuantizedModel:
    """Quantize a model; `mixed` excludes its last layer with weights."""
    module = schemes.SCHEMES[scheme]
    compression = Compression(
        **{word: COMPRESSION[word] for word in module.options if word in COMPRESSION}
    )
    result = QuantizedModel(
        model, scheme, module.weights, module.activations, compression=compression
    )
    if "granularity" not in module.options:
        return result
    ranges = ranges_of(model, color)
    result = replace(result, granularity=Granularity.per_channel, ranges=ranges)
    if scheme != "mixed":
        return result
    layers = CalibratedModel(to_float_tflite(keras_session.load(model)), ranges).layers
    last = [layer for layer in layers if layer.is_weighted][-1]
    return replace(result, fallback_dtype=DType.float32, fallback_layers={last.name: last.values})


def converted(runtime: str, item: QuantizedModel, color: str) -> dict[str, bytes]:
    """Return the files after the checks that the convert stage makes."""
    precision = Precision.float32 if item.scheme == "none" else Precision.float16
    coreml = CoreML("iOS18", precision, [], None) if runtime == "coreml" else None
    params = ConvertParams(runtime, coreml, about=ABOUT)
    files = load_runtime(runtime).convert_model(item, contract(color), params)
    inspection = importlib.import_module(f"edgebake.runtimes.{runtime}.inspect").inspect(files)
    assert inspection.input.name == "image"
    assert inspection.input.shape == [1, 32, 32, contract(color).image.channels]
    convert.check_integer_operators(
        "test", item, inspection, load_runtime(runtime).facts.int8_operators
    )
    convert.check_weight_dtype("test", item, inspection)
    file = RuntimeFile("test", runtime, files)
    model = ConvertedModel(
        variant="test",
        file=file,
        input_dtypes={"image": inspection.input.dtype},
        output=inspection.output.name,
        source=item,
        float_dtype=item.weights,
    )
    if item.scheme in ("none", "float16"):
        convert_check.check_predictions(model, noise(color))
    return files


def noise(color: str) -> PreparedInputs:
    """Return four images of random pixels."""
    agreed = contract(color)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, agreed.image.channels), np.uint8)
    return prepare([image.squeeze() for image in pixels], agreed)


def test_all_architectures_but_one_are_here() -> None:
    assert ARCHITECTURES == [
        "ds_cnn",
        "efficientnet_b0",
        "mobilenet_v1",
        "mobilenet_v2",
        "mobilenet_v3_small",
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_goes_through_every_runtime(architecture: str) -> None:
    color = "rgb" if architecture.endswith(("b0", "small")) else "grayscale"
    model = archive(architecture, color, 0.5)
    for runtime, scheme in (("litert", "none"), ("onnxruntime", "none"), ("coreml", "float16")):
        assert converted(runtime, quantized(model, scheme, color), color)
    int8 = quantized(model, "int8", color)
    for runtime in ("litert", "onnxruntime"):
        files = converted(runtime, int8, color)
        session = importlib.import_module(f"edgebake.runtimes.{runtime}.run").load(files, 1)
        session.feed({"image": np.zeros((1, 32, 32, contract(color).image.channels), np.float32)})
        session.invoke()
        assert single_output(session.read()).sum() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("runtime", "scheme"), SCHEMES)
def test_a_runtime_carries_the_schemes_it_names(runtime: str, scheme: str) -> None:
    item = quantized(archive("ds_cnn", "grayscale", 1), scheme, "grayscale")
    files = converted(runtime, item, "grayscale")
    # test_convert.py of the other runtimes converts each of their schemes twice.
    if runtime == "litert":
        assert files == converted(runtime, item, "grayscale")
    # test_convert.py of Core ML strips the package of each scheme.
    if runtime in WORDS:
        check_stripped(runtime, files)


def check_stripped(runtime: str, files: dict[str, bytes]) -> None:
    """Check that stripped files answer with the same bits and name no layer."""
    module = load_runtime(runtime)
    stripped = module.strip_names(files)
    images = noise("grayscale")
    before, after = (
        single_output(predictions(module.load_session(entry, 1), images))
        for entry in (files, stripped)
    )
    np.testing.assert_array_equal(after, before)
    assert module.inspect_files(stripped) == module.inspect_files(files)
    model = keras_session.load(archive("ds_cnn", "grayscale", 1))
    layers = {layer.name for layer in model.layers} - {"image", "probabilities"}
    texts = [word.encode() for word in (*layers, *WORDS[runtime])]
    (name,) = files
    assert any(text in files[name] for text in texts)
    assert [text for text in texts if text in stripped[name]] == []
    assert len(stripped[name]) < len(files[name])
    assert module.strip_names(stripped) == stripped


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_fewer_bits_make_a_smaller_file(runtime: str) -> None:
    model = archive("ds_cnn", "grayscale", 4)  # weights are most of the file
    size = {}
    for scheme in ("none", "float16", "dynamic"):
        files = converted(runtime, quantized(model, scheme, "grayscale"), "grayscale")
        size[scheme] = sum(map(len, files.values()))
    assert size["float16"] < 0.6 * size["none"]
    assert size["dynamic"] < 0.4 * size["none"]
