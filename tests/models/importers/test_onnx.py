"""ONNX files keep their predictions, take images with channels last, and can be quantized."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ModelError
from edgebake.models.importers import onnx as form
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Compression, Granularity, Output
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.onnxruntime import convert, run
from edgebake.runtimes.session import single_output
from tests.models.importers import graphs

ABOUT = ReleaseInfo("net", "1.0.0", "", "", "")
CONVERT = ConvertParams(runtime="onnxruntime", about=ABOUT)


def original(model: onnx.ModelProto, image: Any) -> Any:
    """Return what the file itself answers to an image with channels last."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {model.graph.input[0].name: image.transpose(0, 3, 1, 2)})[0]


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("opset", [9, 12, 13, 17])
def test_answers_are_those_of_the_file(tmp_path: Path, batch: int | str, opset: int) -> None:
    model = graphs.like_pytorch(batch, opset=opset)
    file = graphs.saved(model, tmp_path / "net.onnx")
    archive = form.load(graphs.contract(), graphs.options(file, Output.logits))
    answer = graphs.image_predictor(form, archive)
    for image in graphs.pictures(4):
        np.testing.assert_allclose(
            answer(image[None]), softmax(original(model, image[None])), atol=1e-5
        )
    graph = onnx.load_from_string(archive).graph
    assert [value.name for value in [*graph.input, *graph.output]] == ["image", "probabilities"]
    assert [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim] == [1, 12, 12, 3]


def two_classes(output: Any, is_sigmoid: bool) -> Any:
    chance = output if is_sigmoid else 1 / (1 + np.exp(-output))
    return np.concatenate([1 - chance, chance], axis=1)


@pytest.mark.parametrize("sigmoid", [True, False])
def test_one_output_becomes_that_of_two_classes(tmp_path: Path, sigmoid: bool) -> None:
    model = graphs.with_one_output(sigmoid)
    file = graphs.saved(model, tmp_path / "net.onnx")
    output = Output.probabilities if sigmoid else Output.logits
    archive = form.load(graphs.contract(classes=2), graphs.options(file, output))
    image = graphs.pictures(1)
    expected = two_classes(original(model, image), sigmoid)
    np.testing.assert_allclose(graphs.image_predictor(form, archive)(image), expected, atol=1e-6)
    graph = onnx.load_from_string(archive).graph
    assert [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim] == [1, 2]
    files = convert.convert(_quantized(archive, "int8"), graphs.contract(classes=2), CONVERT)
    session = run.load(files, 1)
    session.feed({"image": image})
    session.invoke()
    np.testing.assert_allclose(single_output(session.read()), expected, atol=0.05)


@pytest.mark.parametrize(
    ("sigmoid", "output", "expected"),
    [
        (True, Output.logits, "expected model.imported.output: probabilities"),
        (False, Output.probabilities, "expected model.imported.output: logits"),
    ],
)
def test_one_output_of_another_kind_is_refused(
    tmp_path: Path, sigmoid: bool, output: Output, expected: str
) -> None:
    file = graphs.saved(graphs.with_one_output(sigmoid), tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=expected):
        form.load(graphs.contract(classes=2), graphs.options(file, output))


def test_probabilities_stay_as_they_are(tmp_path: Path) -> None:
    model = graphs.like_pytorch(softmax=True)
    archive = form.load(
        graphs.contract(), graphs.options(graphs.saved(model, tmp_path / "net.onnx"))
    )
    image = graphs.pictures(1)
    np.testing.assert_allclose(
        graphs.image_predictor(form, archive)(image), original(model, image), atol=1e-6
    )
    assert [node.op_type for node in onnx.load_from_string(archive).graph.node].count(
        "Softmax"
    ) == 1


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    file = graphs.saved(graphs.like_pytorch(), tmp_path / "net.onnx")
    archives = [form.load(graphs.contract(), graphs.options(file, Output.logits)) for _ in range(2)]
    assert archives[0] == archives[1]


def _quantized(archive: bytes, scheme: str) -> QuantizedModel:
    weights = {
        "none": "float32",
        "float16": "float16",
        "dynamic": "int8",
        "int8": "int8",
        "int4_weights": "int4",
    }
    ranges = None
    if scheme == "int8":
        ranges = calibration.calibrate(
            archive, {"image": graphs.pictures()}, Calibration("min_max", 24, 0), "onnx"
        )
    return QuantizedModel(
        archive,
        scheme,
        weights[scheme],
        "int8" if ranges else "float32",
        granularity=Granularity.per_channel if ranges else None,
        ranges=ranges,
        compression=Compression(block_size=32 if scheme == "int4_weights" else None),
        format="onnx",
    )


@pytest.mark.parametrize(
    ("scheme", "tolerance"),
    [("none", 1e-5), ("float16", 5e-3), ("dynamic", 0.05), ("int8", 0.05), ("int4_weights", 0.2)],
)
def test_every_scheme_of_onnx_runtime_can_be_had(
    tmp_path: Path, scheme: str, tolerance: float
) -> None:
    model = graphs.like_pytorch("N")
    file = graphs.saved(model, tmp_path / "net.onnx")
    archive = form.load(graphs.contract(), graphs.options(file, Output.logits))
    files = convert.convert(_quantized(archive, scheme), graphs.contract(), CONVERT)
    session = run.load(files, 1)
    for image in graphs.pictures(8):
        session.feed({"image": image[None]})
        session.invoke()
        gap = np.abs(single_output(session.read()) - softmax(original(model, image[None]))).max()
        assert gap <= tolerance
    if scheme == "int8":
        graph = onnx.load_from_string(files["model.onnx"]).graph
        assert {node.op_type for node in graph.node} >= {"QuantizeLinear", "DequantizeLinear"}


def test_values_are_those_behind_the_image(tmp_path: Path) -> None:
    file = graphs.saved(graphs.like_pytorch(), tmp_path / "net.onnx")
    archive = form.load(graphs.contract(), graphs.options(file, Output.logits))
    activations = form.activations(archive, ["image"])
    sources, compute = activations.sources, activations.compute
    assert next(iter(sources)) == "image"
    assert sources["image"] == ()
    found = dict(zip(sources, compute({"image": graphs.pictures(2)}), strict=True))
    (sum_,) = [name for name in sources if name.startswith("Add")]
    first, second = sources[sum_]
    np.testing.assert_allclose(found[sum_], found[first] + found[second], atol=1e-6)
    assert found[sum_].shape == (2, 6, 6, 8)


def _integers() -> onnx.ModelProto:
    model = graphs.like_pytorch()
    model.graph.node[2].op_type = "QuantizeLinear"
    return model


def _foreign() -> onnx.ModelProto:
    model = graphs.like_pytorch()
    model.graph.node[2].domain, model.graph.node[2].op_type = "com.acme", "Shine"
    model.opset_import.append(onnx.helper.make_opsetid("com.acme", 1))
    return model


def _two_outputs() -> onnx.ModelProto:
    model = graphs.like_pytorch()
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("g", onnx.TensorProto.FLOAT, [1, 8])
    )
    return model


REFUSED: dict[str, tuple[Any, str]] = {
    "foreign": (
        _foreign,
        "operators that ONNX does not define: com.acme.Shine; expected only those of ONNX",
    ),
    "two outputs": (
        _two_outputs,
        "has 2 outputs (logits, g); edgebake imports image classifiers so far: expected one input",
    ),
    "logits": (
        graphs.like_pytorch,
        "and are no probabilities, which sum to 1; expected model.imported.output: logits",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    make, text = REFUSED[name]
    file = graphs.saved(make(), tmp_path / "net.onnx")
    with pytest.raises(ModelError) as refused:
        form.load(graphs.contract(), graphs.options(file))
    assert str(refused.value).startswith(f"{file}: ")
    assert text in str(refused.value)


def test_another_model_than_the_recipe_says_is_told_with_the_words_to_mend(tmp_path: Path) -> None:
    file = graphs.saved(graphs.like_pytorch(), tmp_path / "net.onnx")
    other = graphs.contract(channels=1, classes=5)
    with pytest.raises(ModelError) as refused:
        form.load(other, graphs.options(file, Output.logits))
    assert "expected data.color: rgb or bgr" in str(refused.value)
    assert "it predicts 3 classes, and the data have 5" in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x08\x07rubbish" * 50, b"version https://git-lfs.github.com"]
)
def test_what_is_no_model_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx: "):
        form.load(graphs.contract(), graphs.options(file))


def test_an_archive_whose_weights_lie_elsewhere_is_refused(tmp_path: Path) -> None:
    """ONNX Runtime would read them from the current folder, or from any other by `..`."""
    archive = form.load(
        graphs.contract(),
        graphs.options(graphs.saved(graphs.like_pytorch(), tmp_path / "net.onnx"), Output.logits),
    )
    model = onnx.load_from_string(archive)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../elsewhere"
    poisoned = model.SerializeToString()
    with pytest.raises(ModelError, match="of an ONNX model lies in another file; expected all"):
        form.predictor(poisoned)
    with pytest.raises(ModelError, match="of an ONNX model lies in another file; expected all"):
        form.activations(poisoned, ["image"])
