"""What `edgebake inspect` prints: the report, and a recipe that can be pasted."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from edgebake.cli.init import recipe_yaml
from edgebake.documents import strict_yaml
from edgebake.models.inspection.model_info import ImageResize, ModelInfo, PixelScaling, TensorInfo
from edgebake.report import model_file
from edgebake.terminal.printable import is_printable

MODEL = ModelInfo(
    format="keras",
    container="Keras archive",
    producer="Keras 3.15.1",
    file_size=1234567,
    inputs=(TensorInfo("photo", (None, 96, 128, 3), "float32"),),
    outputs=(TensorInfo("answer", (None, 10), "float32"),),
    final_activation="softmax",
    parameters=420000,
    operator_counts={"Conv2D": 12, "Dense": 1},
)


def part(lines: list[str], title: str) -> str:
    start = lines.index(title) + 1
    return "\n".join(
        lines[start : next(n for n in range(start, len(lines)) if lines[n].startswith("---"))]
    )


def test_the_report_says_what_is_known_and_what_is_not() -> None:
    lines = model_file.lines(MODEL, "net.keras")
    assert lines[0] == "net.keras: Keras archive, written by Keras 3.15.1; 1,234,567 bytes"
    assert "  input       photo, float32 [n, 96, 128, 3]: height, width, channels (NHWC)" in lines
    assert "  output      answer, float32 [n, 10]: 10 classes" in lines
    assert "  layers      13: 12 Conv2D, 1 Dense" in lines
    assert "  runtimes    coreml, litert, onnxruntime" in lines
    unknown = next(line for line in lines if line.startswith("Not in the file"))
    assert "mean, scale" in unknown
    assert "rgb, or bgr" in unknown
    assert "probabilities or logits" not in unknown
    mean = "[123.675, 116.28, 103.53]"
    scale = "[0.0171247538, 0.0175070028, 0.0174291939]"
    assert f"  ImageNet (torchvision): mean {mean}, scale {scale}" in lines


def test_what_is_known_is_not_asked_for() -> None:
    known = replace(
        MODEL,
        pixel_scaling=PixelScaling((0.0,), (1.0,), "inside"),
        resize=ImageResize(96, 128, "bilinear", False, True, "first: Resizing"),
        color="rgb",
        labels=("a", "b"),
    )
    lines = model_file.lines(known, "net.keras")
    assert not any(line.startswith(("Not in the file", "Common")) for line in lines)
    assert "  labels      2: a, b" in lines
    assert (
        "  resize      to 96 x 128 pixels, bilinear, antialias: false, crop: center: "
        "first: Resizing"
    ) in lines
    recipes = recipe_yaml.recipes_to_start_from(known, "net.keras", "net")
    assert "edgebake init net --device pixel_8 --model net.keras --data FOLDER`" in recipes[-1]


def test_the_command_has_a_flag_for_what_the_file_does_not_say() -> None:
    unknown = replace(MODEL, final_activation="tanh")
    command = recipe_yaml.recipes_to_start_from(unknown, "net.keras", "net")[-1]
    assert command == (
        "Or let `edgebake init net --device pixel_8 --model net.keras --data FOLDER "
        "--output probabilities --mean 127.5 --scale 0.00784313725490196 --no-antialias` "
        "write all three."
    )


@pytest.mark.parametrize(
    ("model_format", "line", "flag"),
    [
        ("onnx", "antialias: true # ?", " --antialias"),
        ("keras", "antialias: false # ?", " --no-antialias"),
    ],
)
def test_the_recipe_and_the_command_assume_the_same_resize(
    model_format: str, line: str, flag: str
) -> None:
    info = replace(MODEL, format=model_format)
    lines = recipe_yaml.recipes_to_start_from(info, "net.file", "net")
    assert any(recipe_line.startswith(line) for recipe_line in lines)
    assert flag in lines[-1]


def test_a_model_of_two_inputs_goes_nowhere() -> None:
    lines = model_file.lines(replace(MODEL, inputs=(*MODEL.inputs, *MODEL.inputs)), "net.keras")
    assert (
        "  refused     has 2 inputs and 1 output; edgebake imports image classifiers so far: "
        "expected one input, an image, and one output" in lines
    )
    assert not any("runtimes" in line for line in lines)


def test_spectra_are_no_gray_picture() -> None:
    spectra = replace(MODEL.inputs[0], shape=(None, 49, 10, 1))
    lines = model_file.lines(replace(MODEL, inputs=(spectra,)), "kws.keras")
    assert (
        "  or          49 spectra of 10 bands, such as MFCC of a sound; then no step of an image "
        "belongs before the model" in lines
    )
    assert lines[-3:] == [
        "Not in the file: whether it takes gray pictures or spectra. Ask its author.",
        "If gray pictures: `edgebake init NAME --model FILE` with --mean and --scale",
        "If spectra: edgebake computes spectra itself: `edgebake init NAME --data FOLDER` with a "
        "folder of sounds, and without --model, trains a network of them",
    ]
    assert not any("pixel" in line for line in lines)


def test_spectra_without_channels_are_no_pictures_without_them() -> None:
    spectra = replace(MODEL.inputs[0], shape=(None, 49, 40))
    lines = model_file.lines(replace(MODEL, inputs=(spectra,)), "kws.keras")
    assert (
        "  refused     takes [n, 49, 40], 49 spectra of 40 bands, such as MFCC of a sound; "
        "edgebake imports image classifiers so far: expected images, [n, height, width, channels]. "
        "edgebake computes spectra itself: `edgebake init NAME --data FOLDER` with a folder of "
        "sounds, and without --model, trains a network of them" in lines
    )


def test_a_model_that_answers_with_pictures_is_asked_nothing_about_its_input() -> None:
    returned = replace(MODEL.outputs[0], shape=(None, None, None, 3))
    lines = model_file.lines(replace(MODEL, outputs=(returned,)), "drawing.keras")
    assert "  last layer  softmax" in lines
    assert not any("pixel" in line or line.startswith("Not in the file") for line in lines)


@pytest.mark.parametrize("shape", [(None, 64), (None, 128, 6), (None, 49, 40), (None, 28, 28, 1)])
def test_an_autoencoder_has_no_classes(shape: tuple[int | None, ...]) -> None:
    taken = replace(MODEL.inputs[0], shape=shape)
    returned = replace(MODEL.outputs[0], shape=shape)
    model = replace(MODEL, inputs=(taken,), outputs=(returned,))
    lines = model_file.lines(model, "anomalies.keras")
    assert any("an autoencoder, no classifier" in line for line in lines)
    assert not any(f": {shape[-1]} classes" in line for line in lines)
    assert "  last layer  softmax" in lines
    assert not any("pixel" in line or line.startswith("Not in the file") for line in lines)


def test_a_model_of_signals_is_asked_nothing_about_pixels() -> None:
    window = replace(MODEL.inputs[0], shape=(None, 128, 6))
    lines = model_file.lines(replace(MODEL, inputs=(window,)), "gestures.keras")
    assert (
        "  refused     takes [n, 128, 6], windows of a signal: 128 steps of 6 numbers each; "
        "edgebake imports image classifiers so far: expected images, [n, height, width, channels]"
        in lines
    )
    assert not any("pixel" in line for line in lines)


def test_the_recipe_is_filled_in_as_far_as_the_file_says_it() -> None:
    lines = recipe_yaml.recipes_to_start_from(MODEL, "models/net.keras", "net")
    model = yaml.safe_load(part(lines, "--- recipes/model/net.yaml"))
    assert (model["architecture"], model["resolution"]) == ("import", 96)
    assert model["imported"] == {
        "file": "models/net.keras",
        "output": "probabilities",
        "head": "keep",
        "allow_code": False,
        "image_width": 128,
    }
    data = part(lines, "--- recipes/data/<yours>.yaml, replacing the lines of the same keys")
    assert "mean: [127.5] # ?" in data
    assert "color: rgb # ? or bgr" in data


def test_what_a_person_has_to_decide_is_marked() -> None:
    lines = recipe_yaml.recipes_to_start_from(
        replace(MODEL, final_activation=None), "net.keras", "net"
    )
    assert any(line.startswith("  output: probabilities # ?") for line in lines)
    known = recipe_yaml.recipes_to_start_from(
        replace(MODEL, pixel_scaling=PixelScaling((0.0,), (1.0,), "inside"), color="rgb"),
        "net.keras",
        "net",
    )
    assert not any(
        "# ?" in line for line in known if line.startswith(("mean", "scale", "color", "  output"))
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Me", "Me"),
        ("null", '"null"'),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ("???", "???"),
        ("1e5", '"1e5"'),
        (".5e3", '".5e3"'),
        ("0x1F", '"0x1F"'),
        (".inf", '".inf"'),
        ("- a", '"- a"'),
    ],
)
def test_texts_are_quoted_where_yaml_would_read_something_else(value: str, written: str) -> None:
    assert recipe_yaml.quote(value) == written
    assert strict_yaml.parse(f"key: {recipe_yaml.quote(value)}".encode()) == {"key": value}


def test_a_file_gives_a_name_that_recipes_can_have() -> None:
    assert recipe_yaml.recipe_name(Path("models/My Net-v2.keras")) == "my_net_v2"


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("${oc.env:HOME}")
@example("\\\\${x}")
@example("a\nallow_code: true")
@example("x # y: z")
@example("1e5")
@example("- a")
@example("\x1b[2K\u202e\x85")
def test_a_quoted_text_is_read_as_it_is_and_shows_no_raw_character(value: str) -> None:
    quoted = recipe_yaml.quote(value)
    assert is_printable(quoted)
    if value != "???":
        content = strict_yaml.parse(f"key: {quoted} # a comment".encode())
        assert OmegaConf.create(content).key == value


def test_a_path_is_one_word_of_a_shell() -> None:
    assert recipe_yaml.shell_word("models/mine.h5") == "models/mine.h5"
    assert recipe_yaml.shell_word("my $(rm -r ~).h5") == "'my $(rm -r ~).h5'"
    assert recipe_yaml.shell_word("a\nb") == r"'a\nb'"


@pytest.mark.parametrize(
    ("changes", "comment"),
    [
        ({}, "keep, or new: the last dense layer is replaced by one for your classes"),
        (
            {"container": "SavedModel"},
            "keep: the file holds a graph, of which no layer can be replaced",
        ),
        ({"format": "onnx"}, "keep: the file holds a graph, of which no layer can be replaced"),
    ],
)
def test_the_comment_on_the_head_can_be_followed(changes: dict[str, str], comment: str) -> None:
    info = replace(MODEL, **changes)  # type: ignore[arg-type]
    options = recipe_yaml.import_options(info, "models/net")
    assert f"  head: keep # {comment}\n" in recipe_yaml.model_recipe(info, options)
