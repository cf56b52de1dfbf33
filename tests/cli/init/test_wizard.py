"""`edgebake init` as a user types it: what it writes composes, or nothing is written."""

import io
import json
import re
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

from edgebake.cli.init.answers import Answers
from edgebake.cli.main import main
from edgebake.errors import RecipeError
from edgebake.plan import compose
from edgebake.recipe import Crop, Head, Output, SplitBy

ATTRIBUTION = [
    "--antialias",
    *("--data-author=Me", "--data-license=MIT", "--data-source=here"),
    *("--model-author=Me", "--model-license=MIT", "--model-source=here"),
]


def images(folder: Path, *classes: str, count: int = 30) -> None:
    """Folders of images of one level of gray."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (number, number, number)).save(folder / name / f"{number}.png")


def network(
    path: Path,
    classes: int,
    activation: str = "softmax",
    *,
    scales: bool = True,
    has_code: bool = False,
    shape: tuple[int, ...] = (16, 16, 3),
) -> None:
    """A file of Keras 2, for color images of 16 x 16 pixels."""
    layers: list[dict[str, Any]] = [
        {"class_name": "Rescaling", "config": {"name": "r", "scale": 1 / 255}}
    ] * scales
    layers.append(
        {"class_name": "Dense", "config": {"name": "d", "units": classes, "activation": activation}}
    )
    if has_code:
        code = {"name": "code", "function": ["4wE=", None, None]}
        layers.append({"class_name": "Lambda", "config": code})
    layers[0]["config"]["batch_input_shape"] = [None, *shape]
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as store:
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
        store.attrs.update({"keras_version": "2.15.0", "model_config": json.dumps(config)})
        store["model_weights/d"] = np.zeros(4, np.float32)


@pytest.fixture
def imported(project: Path) -> Path:
    """A project with a folder of three flowers and a model that knows three classes."""
    images(project / "data/flowers", "daisy", "rose", "tulip")
    network(project / "models/net.h5", 3)
    return project


def files(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in (project / "recipes").rglob("*.*")}


def test_what_check_will_refuse_is_said(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(imported / "data/flowers", "lone", count=1)
    network(imported / "models/net.h5", 4)
    licenses = ["--data-license=CC-BY-NC-4.0", "--license=MPL-1.0"]
    options = ["--device=pixel_8", "--data=data/flowers", "--model=models/net.h5"]
    assert main(["init", "mine", *options, *ATTRIBUTION, *licenses]) == 0
    *_, release, data, classes = capsys.readouterr().out.splitlines()
    refused = "`edgebake check` will refuse: recipes/release.yaml: licenses:"
    expected = "expected licenses in `allow` or `review`, and the text of each LicenseRef- in "
    assert release == (
        f"{refused} model 'mine' is under MPL-1.0: MPL-1.0 is in no list; {expected}LICENSES/"
    )
    assert data == (
        f"{refused} data 'flowers' is under CC-BY-NC-4.0: CC-BY-NC-4.0 is denied; "
        f"{expected}LICENSES/"
    )
    assert classes == (
        "`edgebake check` will refuse: data/flowers: test has no example of 1 of 4 classes: 'lone' "
        "(1 in all); expected every class in train and in test: add examples of it, or list it in "
        "data.untested_classes"
    )


def test_data_and_model_become_a_target_that_composes(
    imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(imported)
    options = [
        "init",
        "mine",
        "--device",
        "pixel_8",
        "--data",
        "data/flowers/",
        "--model",
        "models/net.h5",
        *ATTRIBUTION,
    ]
    assert main(options) == 0
    assert files(imported) - before == {
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
    for line in (
        "dvc add data/flowers models/net.h5",
        "edgebake show mine",
        "--device android_any",
        "edgebake build",
    ):
        assert line in printed
    assert "fill in" not in printed


def test_who_made_it_can_be_said_later(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    imported: Path, device: str, runtime: str, scheme: str
) -> None:
    assert main(["init", "mine", "--device", device, "--data", "data/flowers", *ATTRIBUTION]) == 0
    composed = compose.compose_targets(["mine"])[0]
    assert (composed.recipe.convert.runtime, composed.recipe.quantize.scheme) == (runtime, scheme)
    assert composed.choices["validate"] == ("untimed" if runtime == "coreml" else "realtime")


def test_splits_that_the_data_have_are_kept(project: Path) -> None:
    images(project / "data/split/train", "a", "b")
    images(project / "data/split/test", "a", "b", count=5)
    assert main(["init", "mine", "--device", "pixel_8", "--data", "data/split", *ATTRIBUTION]) == 0
    splits = compose.compose_targets(["mine"])[0].recipe.data.splits
    assert (splits.by, splits.test) == (SplitBy.source, None)
    assert (splits.calibration, splits.validation) == (0.1, 0.1)


def test_classes_come_in_the_order_in_which_the_model_answers(
    imported: Path, capsys: pytest.CaptureFixture[str]
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
    options = [
        "--device",
        "raspberry_pi_5",
        "--data",
        "data/flowers",
        "--model",
        "models/net.onnx",
        *ATTRIBUTION,
    ]

    helper.set_model_props(model, {"names": "{0: 'tulip', 1: 'daisy', 2: 'rose'}"})
    onnx.save(model, "models/net.onnx")
    assert main(["init", "mine", *options]) == 0
    assert compose.compose_targets(["mine"])[0].recipe.data.labels == "recipes/data/mine.labels.txt"
    assert Path("recipes/data/mine.labels.txt").read_text() == "tulip\ndaisy\nrose\n"

    helper.set_model_props(model, {"names": "{0: 'tulip', 1: 'daisy', 2: 'lily'}"})
    onnx.save(model, "models/net.onnx")
    assert main(["init", "other", *options]) == 1
    assert (
        "models/net.onnx predicts the classes lily, and the data have rose"
        in capsys.readouterr().err
    )
    assert not Path("recipes/data/other.labels.txt").exists()


def test_a_second_target_takes_the_same_data_and_model(imported: Path) -> None:
    options = ["--data", "data/flowers", "--model", "models/net.h5", *ATTRIBUTION]
    assert main(["init", "mine", "--device", "pixel_8", *options]) == 0
    before = files(imported)
    assert (
        main(["init", "mine_any", "--device", "android_any", "--data", "mine", "--model", "mine"])
        == 0
    )
    assert files(imported) - before == {"recipes/target/mine_any.yaml"}
    choices = compose.compose_targets(["mine_any"])[0].choices
    assert (choices["data"], choices["model"], choices["train"]) == ("mine", "mine", "none")


@pytest.mark.parametrize("device", ["pixel_8", "iphone_15", "raspberry_pi_5"])
def test_the_command_that_it_prints_writes_the_second_target(
    imported: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    """No attribution is filled in yet."""
    options = ["--antialias", "--data", "data/flowers", "--model", "models/net.h5"]
    assert main(["init", "mine", "--device", device, *options]) == 0
    command = re.search("`edgebake (init .+?)`", capsys.readouterr().out)
    assert command is not None
    assert main(command[1].split()) == 0
    assert (imported / "recipes/target/mine_any.yaml").exists()


def test_a_path_with_a_space_is_one_word_of_the_command_that_tracks_it(
    imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (imported / "data/flowers").rename(imported / "data/my flowers")
    assert main(["init", "mine", "--device", "pixel_8", "--data", "data/my flowers"]) == 0
    assert "  dvc add 'data/my flowers'\n" in capsys.readouterr().out


def test_a_new_head_is_trained(imported: Path) -> None:
    network(imported / "models/net.h5", 1000)
    options = ["--data", "data/flowers", "--model", "models/net.h5", "--head", "new", *ATTRIBUTION]
    assert main(["init", "mine", "--device", "pixel_8", *options]) == 0
    recipe = compose.compose_targets(["mine"])[0].recipe
    assert recipe.model.imported is not None
    assert recipe.model.imported.head is Head.new
    assert recipe.train.epochs > 0


def test_code_of_a_model_runs_only_if_it_is_allowed(imported: Path) -> None:
    network(imported / "models/net.h5", 3, has_code=True)
    options = ["--data", "data/flowers", "--model", "models/net.h5", *ATTRIBUTION]
    options += ["--output", "probabilities", "--mean", "0", "--scale", "1", "--allow-code"]
    assert main(["init", "mine", "--device", "pixel_8", *options]) == 0
    recipe = compose.compose_targets(["mine"])[0].recipe
    assert recipe.model.imported is not None
    assert recipe.model.imported.allow_code


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--no-antialias"], ("none", "bilinear", False, None)),
        (["--no-antialias", "--crop", "center"], ("center", "bilinear", False, None)),
        (["--antialias", "--resize", "bicubic"], ("none", "bicubic", True, None)),
        (["--resize", "nearest"], ("none", "nearest", True, None)),
        (["--antialias", "--short-side", "20"], ("center", "bilinear", True, 20)),
    ],
    ids=str,
)
def test_the_resize_of_the_training_becomes_that_of_the_data(
    imported: Path, flags: list[str], expected: tuple[str, str, bool, int | None]
) -> None:
    options = [*ATTRIBUTION[1:], "--model", "models/net.h5", "--data", "data/flowers", *flags]
    assert main(["init", "mine", "--device", "pixel_8", *options]) == 0
    data = compose.compose_targets(["mine"])[0].recipe.data
    assert data.crop is not None
    assert data.resize is not None
    resize = (data.crop.value, data.resize.value, data.antialias, data.short_side)
    assert resize == expected


def test_a_target_of_data_with_a_recipe_resizes_in_its_own_way(imported: Path) -> None:
    options = ["--device", "pixel_8", "--data", "digits", "--no-antialias", "--short-side", "40"]
    assert main(["init", "mine", *options]) == 0
    data = compose.compose_targets(["mine"])[0].recipe.data
    assert (data.crop, data.antialias, data.short_side) == (Crop.center, False, 40)


PIXEL = ["--device", "pixel_8"]
FLOWERS = [*PIXEL, "--data", "data/flowers", "--antialias"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--device", "pixl_8"],
            "--device: pixl_8: no such option; expected one of: android_any, galaxy_a14",
        ),
        ([], "--device: missing; expected one of: android_any"),
        ([*PIXEL, "--quantize", "int9"], "did you mean 'int8'?"),
        (
            [*PIXEL, "--data", "data/flower"],
            "data/flower: no such file or folder; expected a folder",
        ),
        ([*PIXEL, "--data", "cifer10"], "did you mean 'cifar10'?"),
        (
            [*PIXEL, "--model", "ds_cn"],
            "--model: ds_cn: no such file, and no option of recipes/model/",
        ),
        (
            [*PIXEL, "--model", "models/net.h5"],
            "--data: missing; expected examples for models/net.h5",
        ),
        ([*FLOWERS, "--convert", "coreml"], "--convert: Google Pixel 8 has no coreml"),
        (
            [*PIXEL, "--data", "data/flowers", "--model", "models/net.h5"],
            "--antialias or --no-antialias: models/net.h5 does not define how its images were "
            "resized; expected --no-antialias for tf.image.resize, Keras' Resizing and "
            "image_dataset_from_directory, --antialias for Pillow and torchvision\n",
        ),
        (
            [*PIXEL, "--description", "Tells flowers."],
            "--description: recipes/release.yaml does not describe the example any more, or the "
            "data are the example's; expected no such flag: edit the file\n",
        ),
        (
            [*FLOWERS, "--model", "models/many.h5"],
            "data/flowers: has 3 classes, and models/many.h5 predicts 10",
        ),
        (
            [*FLOWERS, "--model", "models/raw.h5"],
            "--mean, --scale: models/raw.h5 does not define the scaling of pixels",
        ),
        (
            [*FLOWERS, "--model", "models/kws.h5"],
            "--model: models/kws.h5 takes 49 spectra of 10 bands, such as MFCC of a sound, or gray "
            "pictures; expected --mean and --scale if these are pictures. edgebake computes "
            "spectra itself: `edgebake init NAME --data FOLDER` with a folder of sounds, and "
            "without --model, trains a network of them\n",
        ),
        (
            [*FLOWERS, "--model", "models/tanh.h5"],
            "--output: models/tanh.h5 does not define it; expected probabilities or logits",
        ),
        (
            [*FLOWERS, "--model", "models/code.h5"],
            "If you trust its author, set model.imported.allow_code: true, with --allow-code",
        ),
        ([*PIXEL, "--data", "/etc"], "--data: /etc; expected a path inside the project"),
    ],
)
def test_a_wrong_answer_writes_nothing(
    imported: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    network(imported / "models/many.h5", 10)
    network(imported / "models/raw.h5", 3, scales=False)
    network(imported / "models/kws.h5", 3, scales=False, shape=(49, 10, 1))
    network(imported / "models/tanh.h5", 3, "tanh")
    network(imported / "models/code.h5", 3, has_code=True)
    before = files(imported)
    assert main(["init", "mine", *options]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert files(imported) == before


def test_no_file_is_overwritten(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (imported / "recipes/data/mine.yaml").write_text("mine\n")
    assert main(["init", "mine", "--device", "pixel_8", "--data", "data/flowers"]) == 1
    assert (
        "recipes/data/mine.yaml: exists already, and is not overwritten" in capsys.readouterr().err
    )
    assert (imported / "recipes/data/mine.yaml").read_text() == "mine\n"
    assert not (imported / "recipes/target/mine.yaml").exists()


def test_on_a_terminal_it_asks_for_what_no_flag_says(
    imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgebake.cli.init import wizard

    network(imported / "models/raw.h5", 3, scales=False)
    answers = "pixel_8\ndata/flowers\nmodels/raw.h5\n2\n4\n20\nMe\nMIT\n\nThem\nMIT\nthere\n"
    answers += "Tells three flowers.\n\nIt knows no others.\nUs\nMIT\nwe@example.org\n"
    lines = iter(answers.splitlines())
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    printed = wizard.write_recipes(
        Answers("mine"), Console(file=io.StringIO(), force_terminal=True)
    )
    assert [line for line in printed if "fill in" in line] == [
        "  fill in origin.source in recipes/data/mine.yaml"
    ]
    data = yaml.safe_load((imported / "recipes/data/mine.yaml").read_text())
    assert (data["mean"], data["scale"]) == ([127.5], [pytest.approx(1 / 127.5)])
    assert (data["crop"], data["antialias"], data["short_side"]) == ("center", True, 20)
    release = yaml.safe_load((imported / "recipes/release.yaml").read_text())
    assert release["card"] == {
        "intended_use": ["Not stated."],
        "limits": ["It knows no others."],
        "contact": "we@example.org",
    }
    assert (release["author"], release["license"]) == ("Us", "MIT")
    model = yaml.safe_load((imported / "recipes/model/mine.yaml").read_text())
    assert (model["imported"]["file"], model["pretrained"]["author"]) == ("models/raw.h5", "Them")


@pytest.mark.parametrize(
    ("answers", "message"),
    [("pixel_8\n", "no answer"), ("pixel_8\ndata/flowers\nmodels/raw.h5\n6\nfew\n1\n", "few")],
)
def test_an_answer_that_cannot_be_read_is_no_traceback(
    imported: Path, monkeypatch: pytest.MonkeyPatch, answers: str, message: str
) -> None:
    from edgebake.cli.init import wizard

    network(imported / "models/raw.h5", 3, scales=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    with pytest.raises(RecipeError, match=message):
        wizard.write_recipes(Answers("mine"), Console(file=io.StringIO(), force_terminal=True))
