"""Parity: the pairs of files, their agreement, and the first examples that differ."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake import artifacts
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from edgebake.stages import parity
from tests.stages import alone

LABELS = [str(digit) for digit in range(10)]
INT8_LITERT, INT8_ONNX = "digits-ds_cnn-int8-litert-android", "digits-ds_cnn-int8-onnxruntime-linux"
FLOAT_LITERT, FLOAT_CORE_ML = (
    "digits-ds_cnn-float16-litert-android",
    "digits-ds_cnn-float16-coreml-ios",
)
TRUTH = [3, 5, 8, 3]


def _lay(planned: Plan, variant: str, answers: Sequence[int], sure: float) -> None:
    """Lay out what validate leaves of a file that is so sure of these answers."""
    probabilities = np.full((len(answers), 10), (1 - sure) / 9, np.float32)
    probabilities[np.arange(len(answers)), answers] = sure
    saved = io.BytesIO()
    np.save(saved, probabilities)
    rows = [
        f"{number}.png,{label},{answer},{label},{sure:.6f}"
        for number, (label, answer) in enumerate(zip(TRUTH, answers, strict=True))
    ]
    table = "\n".join(["name,label,answer,float_answer,confidence", *rows])
    files = {"answers.npy": saved.getvalue(), "examples.csv": table.encode()}
    alone.lay(
        artifacts.folder("validate", variant, planned["validate"][variant]["platform"]), files
    )


@pytest.fixture
def found(project: Path, planned: Plan) -> dict[str, Any]:
    """The output of parity where only int8 differs, on the third example."""
    planner.write(planned)
    for variant in planned["validate"]:
        _lay(planned, variant, TRUTH, 0.91)
    _lay(planned, INT8_ONNX, [3, 5, 9, 3], 0.82)
    _lay(planned, FLOAT_CORE_ML, TRUTH, 0.82)
    assert parity.write() == "4 pairs of files compared"
    files = {platform: parity.FOLDER / f"{platform}.json" for platform in planned["package"]}
    return {platform: json.loads(file.read_text()) for platform, file in files.items()}


def test_every_platform_has_a_file_with_all_of_its_variants(
    found: dict[str, Any], planned: Plan
) -> None:
    for platform, content in found.items():
        assert list(content) == [
            name for name, section in planned["validate"].items() if section["platform"] == platform
        ]


def test_int8_is_compared_with_int8_and_the_first_differing_examples_are_kept(
    found: dict[str, Any],
) -> None:
    (compared,) = found["android"][INT8_LITERT]
    (seen_from_onnx,) = found["linux"][INT8_ONNX]
    assert compared == {
        "other": INT8_ONNX,
        "runtime": "onnxruntime",
        "same": 3,
        "n": 4,
        "off_float": 0,
        "other_off_float": 1,
        "largest_difference": pytest.approx(0.89, abs=1e-6),  # 0.91 and 0.02
        "mean_difference": pytest.approx(seen_from_onnx["mean_difference"]),
        "excesses": [
            {"file": INT8_LITERT, "counted": "one right", "more": 1, "fewer": 0},
            {"file": INT8_LITERT, "counted": "all", "more": 1, "fewer": 0},
            {"file": INT8_ONNX, "counted": "one right", "more": 0, "fewer": 0},
            {"file": INT8_ONNX, "counted": "all", "more": 0, "fewer": 0},
        ],
        "first_differing": [
            {
                "example": 2,
                "name": "2.png",
                "label": "8",
                "answer": "8",
                "other_answer": "9",
                "probability": 0.91,
                "other_probability": 0.82,
            }
        ],
    }
    assert seen_from_onnx["other"] == INT8_LITERT


def test_float_is_compared_with_float_and_by_how_much_is_told_where_answers_are_the_same(
    found: dict[str, Any],
) -> None:
    compared, *_ = found["ios"][FLOAT_CORE_ML]
    assert (compared["other"], compared["same"], compared["first_differing"]) == (
        FLOAT_LITERT,
        4,
        [],
    )
    assert compared["largest_difference"] == pytest.approx(0.09, abs=1e-6)


def test_another_model_and_other_numbers_have_nobody_to_agree_with(found: dict[str, Any]) -> None:
    assert found["android"]["digits-ds_cnn-channels-int8-litert-android"] == []  # the pruned one
    assert found["ios"]["digits-ds_cnn-palettized-coreml-ios"] == []


def test_of_two_others_the_one_that_agrees_least_comes_first(project: Path, planned: Plan) -> None:
    twin = "digits-ds_cnn-int8-coreml-ios"
    validate = {
        INT8_LITERT: planned["validate"][INT8_LITERT],
        INT8_ONNX: planned["validate"][INT8_ONNX],
    }
    validate[twin] = validate[INT8_LITERT] | {
        "convert": "twin",
        "runtime": "coreml",
        "platform": "ios",
    }
    convert = planned["convert"] | {"twin": planned["convert"]["digits-ds_cnn-int8-litert"]}
    package = {
        platform: {**params, "targets": {}} for platform, params in planned["package"].items()
    }
    written = {**planned, "validate": validate, "convert": convert, "package": package}
    planner.write(written)
    _lay(written, INT8_LITERT, TRUTH, 0.91)
    _lay(written, INT8_ONNX, [3, 5, 9, 3], 0.91)
    _lay(written, twin, [3, 0, 0, 0], 0.91)
    assert parity.write() == "3 pairs of files compared"
    content = json.loads((parity.FOLDER / "android.json").read_text())
    compared = [(one["other"], one["same"]) for one in content[INT8_LITERT]]
    assert compared == [(twin, 1), (INT8_ONNX, 3)]


def test_no_more_than_ten_differing_examples_are_kept(
    project: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.write(planned)
    monkeypatch.setattr("tests.stages.test_parity.TRUTH", [3] * 25)
    for variant in planned["validate"]:
        _lay(planned, variant, [3] * 25, 0.91)
    _lay(planned, INT8_ONNX, [4] * 25, 0.91)
    parity.write()
    (compared,) = json.loads((parity.FOLDER / "linux.json").read_text())[INT8_ONNX]
    assert [one["example"] for one in compared["first_differing"]] == list(range(10))
    assert compared["same"] == 0
