"""LiteRT's quantizer is told every range, every kept layer and both ends.

Guards that int8 of LiteRT is made from the ranges of the recipe and no others.
Slow: it starts TensorFlow and converts.
"""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.models import keras_session
from edgebake.recipe import Calibration, DType, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes import litert
from edgebake.runtimes.litert import metadata, quantizer, run
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, shorten_name, to_float_tflite
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

INT8 = IntegerOptions("int8", Granularity.per_channel)


@pytest.fixture(scope="module")
def program() -> CalibratedModel:
    """A convolution with two wide channels, a pooling and a softmax, calibrated on noise."""
    keras = keras_session.start(1, 0)
    keras.backend.clear_session()
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(64, 3, name="first")(image)
    x = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(
        keras.layers.Conv2D(64, 1, name="second")(x)
    )
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax", name="answer")(x))
    archive = keras_session.save(model)
    examples = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype(np.float32)
    ranges = calibration.calibrate(archive, {"image": examples}, Calibration("min_max", 16, 0))
    return CalibratedModel(to_float_tflite(keras_session.load(archive)), ranges)


def _inspected(content: bytes) -> Any:
    return inspect({litert.FILE: content})


def test_layers_are_what_runs_named_as_in_keras_with_all_that_is_fused_into_them(
    program: CalibratedModel,
) -> None:
    assert [(layer.name, layer.operator) for layer in program.layers] == [
        ("first", "CONV_2D"),
        ("second", "CONV_2D"),
        ("pool", "MEAN"),
        ("answer", "FULLY_CONNECTED"),
        ("answer", "SOFTMAX"),
    ]
    inside = [value.rpartition("/")[2] for value in program.layers[0].values]
    assert inside == ["convolution", "BiasAdd", "mul_1", "add_1", "Relu"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["cnn_1/conv2d_3_1/convolution", "cnn_1/re_lu_1/Relu6"], "conv2d_3"),
        (["cnn_1/pad_1/Pad", "cnn_1/depthwise_2_1/depthwise"], "depthwise_2"),
        (["cnn_1/norm_1/batchnorm/mul_1"], "norm"),
        (["cnn_1/Add"], "Add"),
        (["image"], "image"),
    ],
)
def test_a_layer_is_called_by_the_keras_layer_with_its_weights(
    values: list[str], name: str
) -> None:
    assert shorten_name(values) == name


def test_the_scales_of_a_file_are_the_ranges_over_255_steps(program: CalibratedModel) -> None:
    inspection = _inspected(quantizer.quantize_integers(program, INT8))
    low, high = program.bounds["image"]
    assert inspection.input.scale == pytest.approx((high - low) / 255)
    assert inspection.float_operators() == []
    assert (inspection.input.dtype, inspection.output.dtype) == ("int8", "int8")


def test_int16_activations_leave_nothing_in_float(program: CalibratedModel) -> None:
    inspection = _inspected(
        quantizer.quantize_integers(program, IntegerOptions("int16", Granularity.per_channel))
    )
    assert (inspection.input.dtype, inspection.float_operators()) == ("int16", [])


@pytest.mark.parametrize("wish", [DType.float32, DType.uint8, DType.int8])
def test_both_ends_have_the_dtype_that_the_recipe_wants(
    program: CalibratedModel, wish: DType
) -> None:
    options = IntegerOptions("int8", Granularity.per_channel, input=wish, output=wish)
    inspection = _inspected(quantizer.quantize_integers(program, options))
    assert (inspection.input.dtype, inspection.output.dtype) == (wish.value, wish.value)
    assert inspection.float_operators() == []


def test_casts_at_the_ends_are_told_apart_from_layers(program: CalibratedModel) -> None:
    options = IntegerOptions(
        "int8", Granularity.per_channel, input=DType.float32, output=DType.float32
    )
    assert _inspected(quantizer.quantize_integers(program, options)).boundaries == {
        "QUANTIZE": 1,
        "DEQUANTIZE": 1,
    }


def test_one_scale_for_a_layer_makes_a_smaller_file(program: CalibratedModel) -> None:
    sizes = {
        granularity: len(quantizer.quantize_integers(program, IntegerOptions("int8", granularity)))
        for granularity in Granularity
    }
    assert sizes[Granularity.per_tensor] < sizes[Granularity.per_channel]


@pytest.mark.parametrize(
    ("keep", "dtype"),
    [(DType.float32, "float32"), (DType.float16, "float32"), (DType.int16, "int16")],
)
def test_a_kept_layer_computes_in_what_it_is_kept_in_and_no_other_does(
    program: CalibratedModel, keep: DType, dtype: str
) -> None:
    options = IntegerOptions(
        "int8",
        Granularity.per_channel,
        fallback_dtype=keep,
        fallback_tensors=[program.layers[1].tensor],
    )
    inspection = _inspected(quantizer.quantize_integers(program, options))
    convolutions = [
        operator.dtypes for operator in inspection.operators if operator.name == "CONV_2D"
    ]
    assert convolutions[0] == ("int8",)
    assert dtype in convolutions[1]
    assert next(
        operator for operator in inspection.operators if operator.name == "FULLY_CONNECTED"
    ).dtypes == ("int8",)
    assert ("float16" in inspection.tensors) is (keep is DType.float16)


def test_only_the_layers_that_are_asked_for_are_quantized(program: CalibratedModel) -> None:
    options = IntegerOptions(
        "int8", Granularity.per_channel, only_tensors=[program.layers[3].tensor]
    )
    inspection = _inspected(quantizer.quantize_integers(program, options))
    assert [operator.name for operator in inspection.operators if operator.dtypes == ("int8",)] == [
        "FULLY_CONNECTED"
    ]
    assert inspection.input.dtype == "float32"


def test_int4_weights_of_convolutions_and_dense_layers(program: CalibratedModel) -> None:
    inspection = _inspected(quantizer.quantize_weights(program.model, 4, 32))
    assert inspection.tensors["int4"] == 3
    assert "int8" not in inspection.tensors


def test_a_large_file_keeps_its_weights_when_metadata_are_put_in() -> None:
    keras = keras_session.start(1, 0)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Dense(4096, activation="relu")(
        keras.layers.Flatten()(image)
    )  # 4096 x 64 + 10 x 4096 bytes
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))
    whole = quantizer.quantize_weights(to_float_tflite(model), 8)
    about = ReleaseInfo("digits", "1.0.0", "nobody", "Apache-2.0", "large")
    contract = image_contract(
        "classification",
        8,
        8,
        "grayscale",
        "none",
        "bilinear",
        [127.5],
        [1 / 127.5],
        [str(i) for i in range(10)],
    )
    assert len(whole) > 256 * 1024
    example = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 1)).astype(np.float32)
    result = [
        single_output(
            predictions(run.load({litert.FILE: content}, 1), NamedExamples({"image": example}))
        )
        for content in (whole, metadata.attach(whole, contract, about))
    ]
    np.testing.assert_array_equal(result[0], result[1])
    np.testing.assert_allclose(result[0], np.asarray(model(example)), atol=0.02)
