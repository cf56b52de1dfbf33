"""A package is run by the executor, and on a Mac by Core ML for three choices of compute units."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from edgebake.runtimes.coreml import apple, run
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.session import single_output
from tests.runtimes.coreml.programs import (
    Image,
    Op,
    Typed,
    files,
    half,
    labels,
    op,
    real,
    text,
    whole,
)

PIXELS = np.array([[[[51], [204]]]], np.uint8)  # [1, 1, 2, 1]


def classifier(numbers: Typed) -> dict[str, bytes]:
    """Return a package whose two probabilities are the pixels over 255, computed in some dtype."""
    word = {"float16": "fp16", "float32": "fp32"}[numbers[0]]
    answer: dict[str, Typed] = {"label": ("string", ()), "dictionary": ("dictionary", ())}
    return files(
        {"image": Image("GRAYSCALE", 1, 2)},
        [
            op("cast", {"x": "image", "dtype": text(word)}, cast=(numbers[0], (1, 1, 1, 2))),
            op("reshape", {"x": "cast", "shape": [1, 2]}, flat=numbers),
            op("mul", {"x": "flat", "y": 1 / 255}, probabilities=numbers),
            Op(
                "classify",
                {"probabilities": "probabilities", "classes": labels(["no", "yes"])},
                answer,
            ),
        ],
        ["label", "dictionary"],
    )


HALF, FULL = classifier(half(1, 2)), classifier(real(1, 2))


def test_a_program_with_float16_is_run_in_both_arithmetics_and_never_called_core_ml() -> None:
    first, second = run.run_modes(HALF)
    assert (first.name, second.name) == ("", "float32_arithmetic")
    assert (
        first.where == second.where == LABEL == "executed on Linux (edgebake's ML Program executor)"
    )
    assert first.untimed == second.untimed == run.UNTIMED


def test_a_program_without_float16_has_one_arithmetic() -> None:
    assert [way.name for way in run.run_modes(FULL)] == [""]


def test_pixels_go_in_and_probabilities_come_out() -> None:
    session = run.load(FULL, 1)
    session.feed({"image": PIXELS})
    session.invoke()
    assert single_output(session.read()) == pytest.approx(np.array([[0.2, 0.8]]))


def test_the_first_way_rounds_and_the_other_does_not() -> None:
    result = []
    for way in run.run_modes(HALF):
        session = run.load(HALF, 1, way.name)
        session.feed({"image": PIXELS})
        session.invoke()
        result.append(single_output(session.read()))
    assert (result[0] == result[0].astype(np.float16)).all()
    assert not (result[1] == result[1].astype(np.float16)).all()


class CoreML:
    """Replaces coremltools on a Mac: records loaded files and inputs, returns a dictionary."""

    ComputeUnit = {  # noqa: RUF012 - as in coremltools
        "ALL": "all",
        "CPU_ONLY": "cpu",
        "CPU_AND_NE": "cpu and neural engine",
    }

    def __init__(self) -> None:
        self.models = SimpleNamespace(MLModel=self._load)
        self.loaded: list[tuple[bool, str]] = []
        self.fed: list[Picture.Image] = []

    def _load(self, folder: str, compute_units: str) -> "CoreML":
        self.loaded.append(((Path(folder) / "Manifest.json").exists(), compute_units))
        return self

    def predict(self, fed: Mapping[str, Any]) -> dict[str, Any]:
        self.fed.append(fed["image"])
        return {"label": "yes", "dictionary": {"yes": 0.75, "no": 0.25}}


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> CoreML:
    """A Mac, as far as this module can tell."""
    coremltools = CoreML()
    monkeypatch.setattr(run, "_on_a_mac", lambda: True)
    monkeypatch.setattr(apple, "import_coremltools", lambda: coremltools)
    return coremltools


def test_a_mac_runs_it_for_three_choices_of_compute_units(mac: CoreML) -> None:
    ways = run.run_modes(HALF)
    assert [way.name for way in ways] == ["", "cpu_only", "cpu_and_neural_engine"]
    assert {(way.where, way.untimed, way.threaded) for way in ways} == {("host", "", False)}
    for way in ways:
        run.load(HALF, 1, way.name)
    assert mac.loaded == [(True, "all"), (True, "cpu"), (True, "cpu and neural engine")]


def test_core_ml_is_fed_a_picture_and_its_dictionary_is_put_in_the_order_of_the_labels(
    mac: CoreML,
) -> None:
    session = run.load(HALF, 1)
    session.feed({"image": PIXELS})
    session.invoke()
    assert single_output(session.read()).tolist() == [[0.25, 0.75]]
    assert (mac.fed[0].mode, np.asarray(mac.fed[0]).tolist()) == ("L", [[51, 204]])


def test_a_picture_in_colors_keeps_them(mac: CoreML) -> None:
    session = run.load(HALF, 1)
    session.feed({"image": np.array([[[[1, 2, 3]]]], np.uint8)})
    session.invoke()
    assert (mac.fed[0].mode, np.asarray(mac.fed[0]).tolist()) == ("RGB", [[[1, 2, 3]]])


def first_channel(colors: str) -> dict[str, bytes]:
    """Return a package whose second probability is proportional to the first channel."""
    answer: dict[str, Typed] = {"label": ("string", ()), "dictionary": ("dictionary", ())}
    return files(
        {"image": Image(colors, 1, 1)},
        [
            op("reshape", {"x": "image", "shape": [1, 3]}, flat=real(1, 3)),
            op("mul", {"x": "flat", "y": [[1 / 255, 0.0, 0.0]]}, probabilities=real(1, 3)),
            Op(
                "classify",
                {"probabilities": "probabilities", "classes": labels(["a", "b", "c"])},
                answer,
            ),
        ],
        ["label", "dictionary"],
    )


@pytest.mark.parametrize("colors", ["RGB", "BGR"])
def test_channels_are_fed_in_the_order_that_the_program_sees(colors: str) -> None:
    session = run.load(first_channel(colors), 1)
    session.feed({"image": np.array([[[[51, 0, 204]]]], np.uint8)})
    session.invoke()
    assert single_output(session.read()) == pytest.approx(np.array([[0.2, 0, 0]]))


@pytest.mark.parametrize(("colors", "pixel"), [("RGB", [1, 2, 3]), ("BGR", [3, 2, 1])])
def test_core_ml_takes_a_picture_and_turns_it_itself(
    mac: CoreML, colors: str, pixel: list[int]
) -> None:
    session = run.load(first_channel(colors), 1)
    session.feed({"image": np.array([[[[1, 2, 3]]]], np.uint8)})
    session.invoke()
    assert np.asarray(mac.fed[0]).tolist() == [[pixel]]


# Two numbers are looked up by ids and added to a signal; the table is returned, too.
ARRAYS = files(
    {"signal": real(1, 2), "ids": whole(1, 2)},
    [
        op("gather", {"x": [0.5, 1.5, 2.5], "indices": "ids", "axis": 0}, found=real(1, 2)),
        op("add", {"x": "signal", "y": "found"}, total=real(1, 2)),
        op("mul", {"x": "found", "y": 2.0}, double=real(1, 2)),
    ],
    ["total", "double"],
)
FED = {"signal": np.array([[10, 20]], np.float32), "ids": np.array([[2, 0]], np.int32)}


def test_arrays_go_in_and_come_out_by_name() -> None:
    session = run.load(ARRAYS, 1)
    session.feed(FED)
    session.invoke()
    outputs = session.read()
    assert list(outputs) == ["total", "double"]
    assert outputs["total"].tolist() == [[12.5, 20.5]]
    assert outputs["double"].tolist() == [[5, 1]]


def test_core_ml_is_fed_arrays_and_its_arrays_are_read(
    mac: CoreML, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[Mapping[str, Any]] = []

    def predict(features: Mapping[str, Any]) -> dict[str, Any]:
        fed.append(features)
        return {"total": np.ones((1, 2), np.float32), "double": np.zeros((1, 2), np.float32)}

    monkeypatch.setattr(mac, "predict", predict)
    session = run.load(ARRAYS, 1)
    session.feed(FED)
    session.invoke()
    assert {name: values.tolist() for name, values in fed[0].items()} == {
        "signal": [[10, 20]],
        "ids": [[2, 0]],
    }
    assert {name: values.tolist() for name, values in session.read().items()} == {
        "total": [[1, 1]],
        "double": [[0, 0]],
    }


@pytest.mark.mac
@pytest.mark.parametrize("way", [way.name for way in apple.UNITS])
def test_core_ml_and_the_executor_agree(way: str) -> None:
    session = apple.AppleSession(HALF, way)
    session.feed({"image": PIXELS})
    session.invoke()
    assert single_output(session.read()) == pytest.approx(np.array([[0.2, 0.8]]), abs=1e-3)
