"""Models of every format, written here and read back; and what only looks like a model."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.inspection import file
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe.release_info import ReleaseInfo
from tests.contracts import image_contract


@pytest.fixture(scope="module")
def model() -> Any:
    keras = keras_session.start(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 3), name="photo"),
            layers.Rescaling(1 / 127.5, offset=-1, name="rescaling"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax", name="answer"),
        ]
    )


WEIGHTS = 3 * 3 * 3 * 4 + 4 + 4 * 5 + 5


def ends(found: ModelInfo) -> tuple[Any, ...]:
    return (
        found.format,
        found.layout,
        found.image,
        found.classes,
        found.final_activation,
        found.parameters,
    )


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_what_keras_3_saves(tmp_path: Path, model: Any, name: str) -> None:
    model.save(tmp_path / name)
    found = file.inspect_file(tmp_path / name)
    assert ends(found) == ("keras", "NHWC", (16, 16, 3), 5, "softmax", WEIGHTS)
    assert found.producer == f"Keras {sys.modules['keras'].__version__}"
    assert found.preprocessing == ("rescaling: Rescaling: x * 0.00784314 - 1",)
    assert found.pixel_scaling is not None
    assert (found.pixel_scaling.mean, found.pixel_scaling.scale) == ((0.0,), (1.0,))


def test_a_saved_model(tmp_path: Path, model: Any) -> None:
    model.export(tmp_path / "saved", verbose=False)
    found = file.inspect_file(tmp_path / "saved")
    assert ends(found) == ("keras", "NHWC", (16, 16, 3), 5, "softmax", WEIGHTS)
    assert found.operator_counts["Conv2D"] == 1
    assert found.pixel_scaling is None


def test_a_tflite_with_metadata(tmp_path: Path, model: Any) -> None:
    tensorflow = sys.modules["tensorflow"]
    converter: Any = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    (tmp_path / "plain.tflite").write_bytes(converter.convert())
    found = file.inspect_file(tmp_path / "plain.tflite")
    # The converter leaves out the dense layer's five biases, which are zero.
    assert ends(found) == ("tflite", "NHWC", (16, 16, 3), 5, "softmax", WEIGHTS - 5)
    assert (found.pixel_scaling, found.labels) == (None, ())

    from edgebake.runtimes.litert import metadata

    agreed = image_contract(
        "classification", 16, 16, "rgb", "none", "bilinear", [127.5], [1 / 127.5], list("abcde")
    )
    about = ReleaseInfo("Letters", "1.0.0", "Somebody", "MIT", "Reads letters.")
    (tmp_path / "told.tflite").write_bytes(
        metadata.attach((tmp_path / "plain.tflite").read_bytes(), agreed, about)
    )
    found = file.inspect_file(tmp_path / "told.tflite")
    assert found.pixel_scaling is not None
    assert found.pixel_scaling.mean == (127.5,)
    assert found.pixel_scaling.scale == pytest.approx((1 / 127.5,))
    assert (found.labels, found.color, found.metadata["author"]) == (
        ("a", "b", "c", "d", "e"),
        "rgb",
        "Somebody",
    )


def test_a_quantized_tflite_says_what_its_input_stands_for(tmp_path: Path, model: Any) -> None:
    lite = sys.modules["tensorflow"].lite
    converter: Any = lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [np.full((1, 16, 16, 3), level, np.float32)] for level in (0, 255)
    )
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = sys.modules["tensorflow"].int8
    (tmp_path / "small.tflite").write_bytes(converter.convert())
    found = file.inspect_file(tmp_path / "small.tflite")
    assert found.precision == "int8 weights and activations"
    assert found.is_quantized
    assert found.pixel_scaling is not None
    assert found.pixel_scaling.mean == (0.0,)
    assert found.pixel_scaling.scale == pytest.approx((1.0,), abs=1e-3)


def torch_like(path: Path, **metadata: str) -> Path:
    """NCHW, normalised inside by standard deviations of ImageNet, logits."""
    weights = {
        "mean": np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1),
        "std": np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1),
        "w": np.zeros((4, 3, 1, 1), np.float32),
        "dense": np.zeros((4, 7), np.float32),
        "bias": np.zeros(7, np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["input", "mean"], ["a"]),
        helper.make_node("Div", ["a", "std"], ["b"]),
        helper.make_node("Conv", ["b", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "dense", "bias"], ["output"]),
    ]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 20, 30])
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 7])
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "g", [image], [answer], held), producer_name="pytorch"
    )
    helper.set_model_props(made, metadata)
    onnx.save(made, path)
    return path


def test_an_onnx_with_channels_first(tmp_path: Path) -> None:
    found = file.inspect_file(
        torch_like(tmp_path / "net.onnx", names="{0: 'cat', 1: 'dog'}", author="Somebody")
    )
    assert ends(found) == ("onnx", "NCHW", (20, 30, 3), 7, "linear", 6 + 12 + 28 + 7)
    assert (found.producer, found.output, found.labels) == ("pytorch", "logits", ("cat", "dog"))
    assert found.metadata == {"author": "Somebody"}
    assert found.pixel_scaling is not None
    assert (found.pixel_scaling.mean, found.pixel_scaling.scale) == ((0.0,), (1 / 255,))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("net.pt", b"PK", "a PyTorch file is a pickle, and reading it runs code; export it"),
        ("net.pth", b"\x80\x02", "export it to ONNX: torch.onnx.export"),
        ("frozen.pb", b"graph", "name the folder that holds saved_model.pb and variables/"),
        ("net.keras.dvc", b"outs:", "name the file itself, after `dvc pull`"),
        ("net.keras", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        ("net.onnx", b"outs:\n- md5: 1\n", "run `dvc pull`"),
        ("net.tflite", b"<!DOCTYPE html>", "is a web page"),
        ("net.keras", b"PK\x03\x04 cut short", "is damaged"),
        ("net.h5", b"\x89HDF\r\n\x1a\n cut short", "is damaged"),
        ("net.onnx", b"\x08\x07 no model", "is damaged, or no ONNX model"),
        ("net.tflite", b"\x1c\x00\x00\x00TFL3 cut short", "is damaged, or no tflite model"),
        ("net.tflite", b"0123456789", "is damaged, or no tflite model"),
        ("net.onnx", b"", "is empty"),
        ("net.txt", b"hello", "unknown suffix '.txt'"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as refused:
        file.inspect_file(tmp_path / name)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(refused.value)


def test_folders_and_files_that_are_not_here_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "part/variables").mkdir(parents=True)
    (tmp_path / "away.keras.dvc").touch()
    for name, said in {
        "empty": "a folder without saved_model.pb",
        "part": "saved_model.pb is missing from this SavedModel",
        "away.keras": "run `dvc pull",
        "none.keras": "no such file",
    }.items():
        with pytest.raises(ModelError, match=said):
            file.inspect_file(tmp_path / name)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "net.onnx"])
def test_a_damaged_file_is_never_a_traceback(tmp_path: Path, model: Any, name: str) -> None:
    if name == "net.onnx":
        torch_like(tmp_path / name)
    else:
        model.save(tmp_path / name)
    whole, random = (tmp_path / name).read_bytes(), np.random.default_rng(0)
    refused = 0
    for number in range(60):
        content = np.frombuffer(whole, np.uint8).copy()
        content[random.integers(0, len(content), 20)] = random.integers(0, 256, 20)
        (tmp_path / name).write_bytes(content[: len(content) // (1 + number % 2)].tobytes())
        try:
            file.inspect_file(tmp_path / name)
        except ModelError:
            refused += 1
    assert refused >= 20


def test_keras_files_are_read_without_tensorflow(tmp_path: Path, model: Any) -> None:
    model.save(tmp_path / "model.keras")
    program = (
        "import json, sys; from pathlib import Path; from edgebake.models.inspection import file; "
        f"file.inspect_file(Path({str(tmp_path / 'model.keras')!r})); "
        "print(json.dumps([name for name in ('tensorflow', 'keras') if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
