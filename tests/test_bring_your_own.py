"""docs/guides/bring_your_own.md, word by word in a fresh clone; and its model in every format.

Guards that its commands lead to bundles.
Slow: it builds the release of that page: a MobileNetV2 for two platforms.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from edgebake.compression.quantization import calibration
from edgebake.data.sources import python as own_module
from edgebake.models import importers, keras_session
from edgebake.models.importers import keras as keras_format
from edgebake.models.importers.interface import load_importer
from edgebake.models.onnx import float_graph
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import (
    Calibration,
    Color,
    Data,
    Granularity,
    Head,
    Imported,
    Output,
    SplitBy,
    Splits,
)
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.litert.calibrated_model import to_float_tflite
from edgebake.runtimes.session import single_output
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import IMAGE_CLASSIFIER
from tests import builds
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

DOC = builds.ROOT / "docs/guides/bring_your_own.md"
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A piece of the page that is to be followed, and what stands before it."""

    kind: str
    text: str
    before: str


def blocks(section: str) -> Iterator[Block]:
    page = DOC.read_text()
    text = page[page.index(f"## {section}\n") :].split("\n## ")[0]
    start = 0
    for match in FENCE.finditer(text):
        yield Block(match[2], match[3], text[start : match.start()])
        start = match.end()


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Block, str]]]:
    """A clone in which the walk-through was followed, and the output of each command."""
    source = builds.snapshot(tmp_path_factory.mktemp("source"))
    folder = builds.clone(source, tmp_path_factory.mktemp("own") / "clone")
    outputs = []
    for block in blocks("Walk-through"):
        if block.kind == "sh":
            outputs.append((block, _run(folder, block.text)))
        elif block.kind == "yaml":
            _edit(folder, block)
        else:
            assert block.kind == "text"
            _compare(block.text, outputs[-1][1])
    return folder, outputs


def _run(folder: Path, commands: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=builds.environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _edit(folder: Path, block: Block) -> None:
    """Append a block of YAML to the file that the sentence before it names last."""
    file = folder / re.findall(r"`(recipes/[\w/]+\.yaml)`", block.before)[-1]
    text = file.read_text()
    key = block.text.split(":")[0]
    before = f"{text}\n"
    if f"\n{key}:" in text:
        before = text[: text.index(f"\n{key}:") + 1]
    file.write_text(before + block.text)


def _compare(shown: str, output: str) -> None:
    """Compare the output that the page shows with the real one; numbers may differ."""
    lines = [_without_numbers(line) for line in output.splitlines()]
    for line in shown.splitlines():
        assert _without_numbers(line) in lines, f"{line}\n{output}"


def _without_numbers(line: str) -> str:
    return re.sub(r"[\d.,]+|─+", "#", line).replace(" ", "")


def test_the_page_leads_to_bundles(followed: tuple[Path, list[tuple[Block, str]]]) -> None:
    folder, outputs = followed
    assert len(outputs) >= 6
    for platform in ("android", "ios"):
        assert (folder / f"artifacts/package/{platform}.zip").is_file()
    (build,) = [text for block, text in outputs if block.text.strip() == "edgebake build"]
    rows = [
        line.split()
        for line in build.splitlines()
        if line.split()[:1] in (["my_phone"], ["my_iphone"])
    ]
    assert len(rows) == 4  # numbers, and gates
    assert all(float(row[2].rstrip("%")) > 90 for row in rows[:2])
    assert all("passed" in row and "FAILED" not in row for row in rows[2:])


def test_the_words_of_training_are_words(followed: tuple[Path, list[tuple[Block, str]]]) -> None:
    folder, _ = followed
    (options,) = [
        yaml.safe_load(block.text) for block in blocks("Fine-tune") if block.kind == "yaml"
    ]
    target = folder / "recipes/target/my_phone.yaml"
    before = target.read_text()
    trained = before.replace(
        "override /train: none", "override /train: fine_tune"
    ) + yaml.safe_dump(options)
    target.write_text(trained)
    try:
        done = builds.edgebake(folder, "show", "my_phone")
        assert done.returncode == 0, done.stderr
        assert "monitor: accuracy" in done.stdout
    finally:
        target.write_text(before)


def test_the_module_on_the_page_is_read(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("Other data") if block.kind == "python"]
    (tmp_path / "my_data.py").write_text(block.text)
    data = Data(
        source="python",
        path=str(tmp_path / "my_data.py"),
        color=Color.grayscale,
        splits=Splits(SplitBy.seed),
    )
    assert own_module.count(data) == {"": 40}
    assert own_module.load(data).classes == ["dark", "light"]


# The same model as it would be brought in each format.

SIDE = 96
ABOUT = ReleaseInfo("net", "1.0.0", "", "", "")


@pytest.fixture(scope="module")
def imported(followed: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's MobileNetV2, 0.35 wide for 96 x 96 pixels, in every format."""
    keras_session.start(1)
    import keras

    folder = tmp_path_factory.mktemp("formats")
    (folder / "net.h5").write_bytes((followed[0] / "models/digits.h5").read_bytes())
    model = keras.models.load_model(folder / "net.h5", compile=False)
    model.save(folder / "net.keras")
    model.export(folder / "saved", verbose=False)
    (folder / "net.tflite").write_bytes(to_float_tflite(model))
    (folder / "net.onnx").write_bytes(float_graph.export_keras(model).SerializeToString())
    return folder


def _contract() -> Contract:
    labels = [str(digit) for digit in range(10)]
    return image_contract(
        "classification", SIDE, SIDE, "rgb", "none", "bilinear", [127.5], [1 / 127.5], labels
    )


def _pictures(folder: Path, count: int) -> Any:
    files = sorted((folder / "data/images").glob("*/*.png"))[:: 1797 // count][:count]
    return _contract().image.preprocess(
        [np.asarray(Image.open(file).convert("RGB")) for file in files]
    )


def _keras_predictions(file: Path, pictures: Any) -> Any:
    """Return the predictions of an imported model in Keras, float32 [n, classes]."""
    model = keras_format.load(_contract(), _imported_options(file))
    return np.asarray(model(pictures, training=False))


def _imported_options(file: Path) -> Imported:
    return Imported(str(file), Output.probabilities, Head.keep, allow_code=False, image_width=None)


@pytest.mark.parametrize("name", ["net.h5", "net.keras", "saved", "net.tflite", "net.onnx"])
def test_the_model_answers_the_same_in_every_format(
    followed: tuple[Path, Any], imported: Path, name: str
) -> None:
    pictures = _pictures(followed[0], 12)
    expected = _keras_predictions(imported / "net.h5", pictures)
    assert importers.format_of(str(imported / name)) in ("keras", "onnx", "tflite")
    if name.endswith((".tflite", ".onnx")):
        importer = load_importer(importers.format_of(str(imported / name)))
        archive = importer.load(_contract(), _imported_options(imported / name))
        predict = importer.predictor(archive, IMAGE_CLASSIFIER)
        answers = [predict({"image": picture[None]})["probabilities"] for picture in pictures]
        predictions = np.concatenate(answers)
    else:
        predictions = _keras_predictions(imported / name, pictures)
    np.testing.assert_allclose(predictions, expected, atol=1e-4)
    assert len(set(expected.argmax(axis=1).tolist())) >= 6


@pytest.mark.parametrize("name", ["saved", "net.tflite", "net.onnx"])
def test_int8_of_it_finds_the_same_digits(
    followed: tuple[Path, Any], imported: Path, name: str
) -> None:
    pictures = _pictures(followed[0], 40)
    expected = _keras_predictions(imported / "net.h5", pictures)
    form = importers.format_of(str(imported / name))
    archive: Any = load_importer(form).load(_contract(), _imported_options(imported / name))
    if form == "keras":
        archive = keras_session.save(archive)
    ranges = calibration.calibrate(
        archive, {"image": pictures[:16]}, Calibration("min_max", 16, 0), form
    )
    quantized = QuantizedModel(
        archive, "int8", "int8", "int8", Granularity.per_channel, ranges, format=form
    )
    runtime = load_runtime("onnxruntime" if form == "onnx" else "litert")
    options = ConvertParams("", about=ABOUT)
    session = runtime.load_session(runtime.convert_model(quantized, _contract(), options), 1)
    same = 0
    for picture, answer in zip(pictures, expected, strict=True):
        session.feed({"image": picture[None]})
        session.invoke()
        same += int(single_output(session.read()).argmax() == answer.argmax())
    assert same >= 36
