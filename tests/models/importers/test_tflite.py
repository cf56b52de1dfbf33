"""Float .tflite files of others keep their answers and quantize in LiteRT."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ModelError
from edgebake.models.importers import tflite as form
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Compression, Convert, Granularity, Output
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.litert import convert, metadata, run
from edgebake.runtimes.session import single_output
from tests.models.importers import graphs

ABOUT = ReleaseInfo("net", "1.0.0", "", "", "")
CONVERT = Convert(runtime="litert", input=None, output=None, ort_format=False, coreml=None)


def truth(logits: bool, image: Any) -> Any:
    answer = np.asarray(graphs.keras_model(None if logits else "softmax")(image, training=False))
    powers = np.exp(answer - answer.max())
    return powers / powers.sum() if logits else answer


@pytest.mark.parametrize("logits", [False, True])
def test_answers_are_those_of_the_file(tmp_path: Path, logits: bool) -> None:
    file = graphs.tflite(tmp_path / "net.tflite", None if logits else "softmax")
    output = Output.logits if logits else Output.probabilities
    archive = form.load(graphs.contract(), graphs.options(file, output))
    answer = graphs.image_predictor(form, archive)
    for image in graphs.pictures(3):
        np.testing.assert_allclose(answer(image[None]), truth(logits, image[None]), atol=1e-5)
    assert archive == form.load(graphs.contract(), graphs.options(file, output))


@pytest.mark.parametrize("last", ["sigmoid", None])
def test_one_output_becomes_that_of_two_classes(tmp_path: Path, last: str | None) -> None:
    file = graphs.tflite(tmp_path / "net.tflite", last, outputs=1)
    output = Output.probabilities if last else Output.logits
    archive = form.load(graphs.contract(classes=2), graphs.options(file, output))
    images = graphs.pictures(3)
    chance = np.asarray(graphs.keras_model(last, outputs=1)(images, training=False))
    if last is None:
        chance = 1 / (1 + np.exp(-chance))
    expected = np.concatenate([1 - chance, chance], axis=1)
    answer = graphs.image_predictor(form, archive)
    answers = np.concatenate([answer(image[None]) for image in images])
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    quantized = _quantized(archive, "int8")
    files = convert.convert(quantized, graphs.contract(classes=2), ABOUT, CONVERT)
    session = run.load(files, 1)
    session.feed({"image": images[:1]})
    session.invoke()
    np.testing.assert_allclose(single_output(session.read()), expected[:1], atol=0.05)


SCHEMES = {
    "none": ("float32", "float32", 1e-5),
    "float16": ("float16", "float32", 0.01),
    "dynamic": ("int8", "float32", 0.05),
    "int4_weights": ("int4", "float32", 0.3),
    "int8": ("int8", "int8", 0.05),
    "int16x8": ("int8", "int16", 0.05),
}


def _quantized(archive: bytes, scheme: str) -> QuantizedModel:
    weights, activations, _ = SCHEMES[scheme]
    ranges = None
    if activations != "float32":
        ranges = calibration.calibrate(
            archive, {"image": graphs.pictures()}, Calibration("min_max", 24, 0), "tflite"
        )
    return QuantizedModel(
        archive,
        scheme,
        weights,
        activations,
        granularity=Granularity.per_channel if ranges else None,
        ranges=ranges,
        compression=Compression(block_size=None),
        format="tflite",
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_of_litert_can_be_had(tmp_path: Path, scheme: str) -> None:
    archive = form.load(graphs.contract(), graphs.options(graphs.tflite(tmp_path / "net.tflite")))
    quantized = _quantized(archive, scheme)
    tolerance = SCHEMES[scheme][2]
    files = convert.convert(quantized, graphs.contract(), ABOUT, CONVERT)
    session = run.load(files, 1)
    for image in graphs.pictures(6):
        session.feed({"image": image[None]})
        session.invoke()
        assert np.abs(single_output(session.read()) - truth(False, image[None])).max() <= tolerance


def test_metadata_of_others_makes_place_for_ours(tmp_path: Path) -> None:
    plain = graphs.tflite(tmp_path / "net.tflite")
    other = graphs.contract(classes=3)
    plain.write_bytes(
        metadata.attach(plain.read_bytes(), other, ReleaseInfo("theirs", "9", "", "", ""))
    )
    archive = form.load(graphs.contract(), graphs.options(plain))
    assert b"theirs" not in archive
    assert b"TFLITE_METADATA" not in archive


def test_a_quantized_file_asks_for_its_float_parent(tmp_path: Path) -> None:
    archive = form.load(graphs.contract(), graphs.options(graphs.tflite(tmp_path / "net.tflite")))
    from edgebake.runtimes.litert import quantizer

    file = tmp_path / "small.tflite"
    file.write_bytes(quantizer.quantize_weights(archive, 8))
    with pytest.raises(ModelError) as refused:
        form.load(graphs.contract(), graphs.options(file))
    assert str(refused.value) == (
        f"{file}: already quantized (it holds int8); expected the float model that it was made from"
    )


def test_logits_and_sizes_are_held_against_the_recipe(tmp_path: Path) -> None:
    file = graphs.tflite(tmp_path / "net.tflite", last=None)
    with pytest.raises(
        ModelError, match=r"which sum to 1; expected model\.imported\.output: logits"
    ):
        form.load(graphs.contract(), graphs.options(file))
    with pytest.raises(ModelError, match=r"expected data\.color: rgb or bgr"):
        form.load(graphs.contract(channels=1), graphs.options(file, Output.logits))


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"rubbish" * 50, b"\x1c\0\0\0TFL3" + b"\xff" * 80]
)
def test_what_is_no_model_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.tflite: "):
        form.load(graphs.contract(), graphs.options(file))
