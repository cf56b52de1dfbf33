"""Scales go by name into a file's metadata and come back as they were."""

import numpy as np

from edgebake.models.onnx.canonical import canonicalize
from edgebake.recipe import DType, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.onnxruntime import integer_io, metadata, quantizer, scales
from tests.contracts import image_contract
from tests.runtimes.onnxruntime import programs


def test_a_tensor_without_properties_is_of_real_numbers() -> None:
    (tensor,) = scales.describe_tensors(
        "output", [("probabilities", [1, 4], "float32")], {"input_scale": "0.5", "name": "x"}
    )
    assert (tensor.scale, tensor.zero_point, tensor.layout) == (None, None, "NC")


def test_a_tensor_has_the_properties_of_its_end() -> None:
    properties = {"input_scale": "0.5", "input_zero_point": "-3"}
    (tensor,) = scales.describe_tensors("input", [("image", [1, 6, 6, 3], "int8")], properties)
    assert (tensor.scale, tensor.zero_point, tensor.layout) == (0.5, -3, "NHWC")
    assert tensor.to_stored(np.array([1, -99], np.float32)).tolist() == [-1, -128]


def test_several_tensors_have_properties_by_their_names() -> None:
    properties = {"audio.scale": "0.5", "audio.zero_point": "-3", "input_scale": "0.25"}
    audio, ids = scales.describe_tensors(
        "input", [("audio", [1, 49, 40, 1], "int8"), ("ids", [1, 8], "int32")], properties
    )
    assert (audio.scale, audio.zero_point, audio.layout) == (0.5, -3, "values")
    assert (ids.scale, ids.zero_point, ids.layout) == (None, None, "values")
    assert [key for key in ("name", *properties) if scales.is_key(key)] == list(properties)


def test_metadata_holds_them_behind_the_labels() -> None:
    program = programs.prepared()
    model = quantizer.quantize_integers(program, quantizer.IntegerOptions(Granularity.per_channel))
    model = integer_io.convert_outputs(
        integer_io.convert_inputs(model, DType.uint8, program.bounds), DType.int8, program.bounds
    )
    contract = image_contract(
        "classification",
        6,
        6,
        "rgb",
        "none",
        "bilinear",
        [127.5],
        [1 / 127.5],
        ["a", "b", "c", "d"],
    )
    model = metadata.attach(canonicalize(model), contract, ReleaseInfo("n", "1.0.0", "a", "l", "d"))
    result = {entry.key: entry.value for entry in model.metadata_props}
    low, high = program.bounds["image"]
    assert float(result["input_scale"]) == np.float32((high - low) / 255)
    assert int(result["input_zero_point"]) == round(-low / float(result["input_scale"]))
    assert (result["output_scale"], result["output_zero_point"]) == (
        repr(float(np.float32(1 / 255))),
        "-128",
    )
    assert result["labels"] == '["a", "b", "c", "d"]'
