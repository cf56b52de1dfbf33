"""`edgebake init` as a user types it: what it writes composes, or nothing is written."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from rich.console import Console

from edgebake.cli.main import main
from edgebake.errors import RecipeError
from edgebake.plan import compose
from edgebake.recipe import Head, Output, SplitBy

SAID = [f"--{group}-{word}={value}" for group in ("data", "model")
        for word, value in {"author": "Me", "license": "MIT", "source": "here"}.items()]  # fmt: skip


def images(folder: Path, *classes: str, count: int = 30) -> None:
    """Folders of images of one level of grey."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (number, number, number)).save(folder / name / f"{number}.png")


def network(path: Path, classes: int, activation: str = "softmax", *, scales: bool = True) -> None:
    """A file of Keras 2 for color images of 16 x 16 pixels."""
    layers: list[dict[str, Any]] = [
        {"class_name": "Rescaling", "config": {"name": "r", "scale": 1 / 255}}
    ] * scales
    layers.append(
        {"class_name": "Dense", "config": {"name": "d", "units": classes, "activation": activation}}
    )
    layers[0]["config"]["batch_input_shape"] = [None, 16, 16, 3]
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as store:
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
        store.attrs.update({"keras_version": "2.15.0", "model_config": json.dumps(config)})
        store["model_weights/d"] = np.zeros(4, np.float32)


@pytest.fixture
def brought(project: Path) -> Path:
    """A project with a folder of three flowers and a model that knows three classes."""
    images(project / "data/flowers", "daisy", "rose", "tulip")
    network(project / "models/net.h5", 3)
    return project


def files(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in (project / "recipes").rglob("*.*")}


def test_data_and_model_become_a_target_that_composes(
    brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(brought)
    given = [
        "init",
        "mine",
        "--device",
        "pixel_8",
        "--data",
        "data/flowers/",
        "--model",
        "models/net.h5",
        *SAID,
    ]
    assert main(given) == 0
    assert files(brought) - before == {
        f"recipes/{group}/mine.yaml" for group in ("data", "model", "target")
    }
    recipe = compose.compose_targets(["mine"])[0].recipe
    assert (recipe.data.source, recipe.data.path, recipe.data.splits.by) == (
        "image_folder",
        "data/flowers",
        SplitBy.seed,
    )
    assert (recipe.data.mean, recipe.data.scale) == ([0], [1])
    assert recipe.model.imported is not None
    assert (recipe.model.resolution, recipe.model.imported.output) == (16, Output.probabilities)
    assert (recipe.train.epochs, recipe.quantize.scheme, recipe.convert.runtime) == (
        0,
        "int8",
        "litert",
    )
    assert recipe.quantize.calibration is not None
    assert recipe.quantize.calibration.samples == 9  # a tenth of 90, where int8.yaml asks for 100
    assert recipe.data.origin.license == "MIT"
    printed = capsys.readouterr().out
    for said in (
        "dvc add data/flowers models/net.h5",
        "edgebake show mine",
        "--device android_any",
        "edgebake build",
    ):
        assert said in printed
    assert "fill in" not in printed


def test_who_made_it_can_be_said_later(brought: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["init", "mine", "--device", "pixel_8", "--data", "data/flowers", "--data-author=Me"])
        == 0
    )
    assert (
        "  fill in origin.license, origin.source in recipes/data/mine.yaml\n"
        in capsys.readouterr().out
    )
    assert yaml.safe_load(Path("recipes/data/mine.yaml").read_text())["origin"]["author"] == "Me"
    assert main(["show", "mine"]) == 1
    assert "recipes/data/mine.yaml: data.origin.license: no value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("device", "runtime", "scheme"),
    [
        ("iphone_15", "coreml", "float16"),
        ("android_any", "litert", "float16"),
        ("linux_any", "onnxruntime", "none"),
        ("raspberry_pi_5", "onnxruntime", "int8"),
    ],
)
def test_what_fits_the_device_is_picked(
    brought: Path, device: str, runtime: str, scheme: str
) -> None:
    assert main(["init", "mine", "--device", device, "--data", "data/flowers", *SAID]) == 0
    composed = compose.compose_targets(["mine"])[0]
    assert (composed.recipe.convert.runtime, composed.recipe.quantize.scheme) == (runtime, scheme)
    assert composed.choices["validate"] == ("untimed" if runtime == "coreml" else "realtime")


def test_splits_that_the_data_have_are_kept(project: Path) -> None:
    images(project / "data/split/train", "a", "b")
    images(project / "data/split/test", "a", "b", count=5)
    assert main(["init", "mine", "--device", "pixel_8", "--data", "data/split", *SAID]) == 0
    splits = compose.compose_targets(["mine"])[0].recipe.data.splits
    assert (splits.by, splits.test) == (SplitBy.source, None)
    assert (splits.calibration, splits.validation) == (0.1, 0.1)


def test_classes_come_in_the_order_in_which_the_model_answers(
    brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 16, 16])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 3])
    mean = numpy_helper.from_array(np.float32(127.5).reshape(1), "mean")
    spread = numpy_helper.from_array(np.float32(127.5).reshape(1), "spread")
    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["a"]),
        helper.make_node("Div", ["a", "spread"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Softmax", ["d"], ["answer"]),
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", [image], [answer], [mean, spread]))
    given = [
        "--device",
        "raspberry_pi_5",
        "--data",
        "data/flowers",
        "--model",
        "models/net.onnx",
        *SAID,
    ]

    helper.set_model_props(model, {"names": "{0: 'tulip', 1: 'daisy', 2: 'rose'}"})
    onnx.save(model, "models/net.onnx")
    assert main(["init", "mine", *given]) == 0
    assert compose.compose_targets(["mine"])[0].recipe.data.labels == "recipes/data/mine.labels.txt"
    assert Path("recipes/data/mine.labels.txt").read_text() == "tulip\ndaisy\nrose\n"

    helper.set_model_props(model, {"names": "{0: 'tulip', 1: 'daisy', 2: 'lily'}"})
    onnx.save(model, "models/net.onnx")
    assert main(["init", "other", *given]) == 1
    assert (
        "models/net.onnx knows the classes lily, and the data have rose" in capsys.readouterr().err
    )
    assert not Path("recipes/data/other.labels.txt").exists()


def test_a_second_target_takes_the_same_data_and_model(brought: Path) -> None:
    given = ["--data", "data/flowers", "--model", "models/net.h5", *SAID]
    assert main(["init", "mine", "--device", "pixel_8", *given]) == 0
    before = files(brought)
    assert (
        main(["init", "mine_any", "--device", "android_any", "--data", "mine", "--model", "mine"])
        == 0
    )
    assert files(brought) - before == {"recipes/target/mine_any.yaml"}
    choices = compose.compose_targets(["mine_any"])[0].choices
    assert (choices["data"], choices["model"], choices["train"]) == ("mine", "mine", "none")


def test_a_new_head_is_trained(brought: Path) -> None:
    network(brought / "models/net.h5", 1000)
    given = ["--data", "data/flowers", "--model", "models/net.h5", "--head", "new", *SAID]
    assert main(["init", "mine", "--device", "pixel_8", *given]) == 0
    recipe = compose.compose_targets(["mine"])[0].recipe
    assert recipe.model.imported is not None
    assert recipe.model.imported.head is Head.new
    assert recipe.train.epochs > 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--device", "pixl_8"], "--device: pixl_8: no such option; expected one of: android_any, galaxy_a14"),
        ([], "--device: not said; expected one of: android_any"),
        (["--device", "pixel_8", "--quantize", "int9"], "did you mean 'int8'?"),
        (["--device", "pixel_8", "--data", "data/flower"], "data/flower: no such file or folder; expected a folder"),
        (["--device", "pixel_8", "--data", "cifer10"], "did you mean 'cifar10'?"),
        (["--device", "pixel_8", "--model", "ds_cn"], "--model: ds_cn: no such file, and no option of recipes/model/"),
        (["--device", "pixel_8", "--model", "models/net.h5"], "--data: not said; expected examples for models/net.h5"),
        (["--device", "pixel_8", "--data", "data/flowers", "--convert", "coreml"], "convert: Google Pixel 8 has no"),
        (["--device", "pixel_8", "--data", "data/flowers", "--model", "models/many.h5"],
         "data/flowers: has 3 classes, and models/many.h5 answers for 10"),
        (["--device", "pixel_8", "--data", "data/flowers", "--model", "models/raw.h5"],
         "--mean, --scale: models/raw.h5 does not say what pixels become"),
        (["--device", "pixel_8", "--data", "data/flowers", "--model", "models/tanh.h5"],
         "--output: models/tanh.h5 does not say it; expected probabilities or logits"),
        (["--device", "pixel_8", "--data", "/etc"], "--data: /etc; expected a path inside the project"),
    ],
)  # fmt: skip
def test_a_wrong_answer_writes_nothing(
    brought: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    network(brought / "models/many.h5", 10)
    network(brought / "models/raw.h5", 3, scales=False)
    network(brought / "models/tanh.h5", 3, "tanh")
    before = files(brought)
    assert main(["init", "mine", *given]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert files(brought) == before


def test_no_file_is_overwritten(brought: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (brought / "recipes/data/mine.yaml").write_text("mine\n")
    assert main(["init", "mine", "--device", "pixel_8", "--data", "data/flowers"]) == 1
    assert (
        "recipes/data/mine.yaml: is there already, and is not overwritten"
        in capsys.readouterr().err
    )
    assert (brought / "recipes/data/mine.yaml").read_text() == "mine\n"
    assert not (brought / "recipes/target/mine.yaml").exists()


def test_on_a_terminal_it_asks_for_what_no_flag_says(
    brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgebake.cli.init import wizard

    network(brought / "models/raw.h5", 3, scales=False)
    answers = "pixel_8\ndata/flowers\nmodels/raw.h5\n2\nMe\nMIT\n\nThem\nMIT\nthere\n"
    lines = iter(answers.splitlines())
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    printed = wizard.begin({"name": "mine"}, Console(file=io.StringIO(), force_terminal=True))
    assert [line for line in printed if "fill in" in line] == [
        "  fill in origin.source in recipes/data/mine.yaml"
    ]
    data = yaml.safe_load((brought / "recipes/data/mine.yaml").read_text())
    assert (data["mean"], data["scale"]) == ([127.5], [pytest.approx(1 / 127.5)])
    model = yaml.safe_load((brought / "recipes/model/mine.yaml").read_text())
    assert (model["imported"]["file"], model["pretrained"]["author"]) == ("models/raw.h5", "Them")


@pytest.mark.parametrize(
    ("answers", "said"),
    [("pixel_8\n", "no answer"), ("pixel_8\ndata/flowers\nmodels/raw.h5\n6\nfew\n1\n", "few")],
)
def test_an_answer_that_cannot_be_read_is_no_traceback(
    brought: Path, monkeypatch: pytest.MonkeyPatch, answers: str, said: str
) -> None:
    from edgebake.cli.init import wizard

    network(brought / "models/raw.h5", 3, scales=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    with pytest.raises(RecipeError, match=said):
        wizard.begin({"name": "mine"}, Console(file=io.StringIO(), force_terminal=True))
