"""The record of a build is compared with the plan from the data on."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.plan import earlier_build
from edgebake.recipe.stage_params import Plan

PLAN: Plan = {
    "train": {"net": {"epochs": 3}},
    "convert": {"net": {"threads": 1}},
    "package": {"ios": {}},
}
CODE = Path("artifacts/code/train/net")
MODEL = Path("artifacts/train/net/model.keras")
FILES = Path("artifacts/convert/net")

Lock = dict[str, Any]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """The stages of dvc.lock after a build of two stages; the test runs in its project."""
    monkeypatch.chdir(tmp_path)
    for file in (CODE, MODEL, FILES / "model.tflite"):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"content")
    digest = _md5(b"content")
    return {
        "train@net": {
            "params": {"params.yaml": {"train.net": {"epochs": 3}}},
            "deps": [{"path": str(CODE), "md5": digest}],
            "outs": [{"path": str(MODEL), "md5": digest}],
        },
        "convert@net": {
            "params": {"params.yaml": {"convert.net": {"threads": 1}}},
            "deps": [{"path": str(MODEL), "md5": digest}],
            "outs": [{"path": str(FILES), "md5": "0.dir"}],
        },
    }


def _change(lock: Lock, plan: Plan = PLAN) -> str:
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}))
    record = earlier_build.read(plan)
    assert record is not None
    return record.change("convert@net")


def test_a_build_of_this_plan_has_no_change(lock: Lock) -> None:
    assert _change(lock) == ""


def test_a_small_number_is_the_same_in_both_files(lock: Lock) -> None:
    """DVC writes 1e-05, which is a text for the parser of params.yaml."""
    lock["train@net"]["params"] = {"params.yaml": {"train.net": {"rate": 1e-05}}}
    plan = {**PLAN, "train": {"net": {"rate": 1e-05}}}
    _change(lock, plan)
    text = Path("dvc.lock").read_text().replace("1.0e-05", "1e-05")
    assert "1e-05" in text
    Path("dvc.lock").write_text(text)
    record = earlier_build.read(plan)
    assert record is not None
    assert record.change("convert@net") == ""


def test_parameters_of_a_stage_before_count(lock: Lock) -> None:
    plan = {**PLAN, "train": {"net": {"epochs": 4}}}
    assert _change(lock, plan) == "the parameters of train@net have changed"


def test_parameters_of_the_stage_itself_count(lock: Lock) -> None:
    plan = {**PLAN, "convert": {"net": {"threads": 2}}}
    assert _change(lock, plan) == "the parameters of convert@net have changed"


def test_code_of_a_stage_before_counts(lock: Lock) -> None:
    CODE.write_bytes(b"edited")
    assert _change(lock) == f"{CODE}, which train@net reads, has changed"


def test_an_output_of_a_stage_that_failed_counts(lock: Lock) -> None:
    """DVC removes the outputs of a stage before it runs it again."""
    MODEL.unlink()
    assert _change(lock) == f"{MODEL}, which train@net writes, is missing"


def test_a_stage_that_ran_alone_counts(lock: Lock) -> None:
    """Its output in the record is newer than the one that the next stage has read."""
    lock["train@net"]["outs"][0]["md5"] = _md5(b"newer")
    assert _change(lock) == f"{MODEL}, which convert@net reads, has changed"


def test_a_stage_without_a_record_counts(lock: Lock) -> None:
    del lock["convert@net"]
    assert _change(lock) == "convert@net has not run"


def test_records_of_variants_that_are_not_planned_do_not_count(lock: Lock) -> None:
    stale = {"outs": [{"path": str(MODEL), "md5": _md5(b"stale")}]}
    assert _change({"train@other": stale, **lock}) == ""


@pytest.mark.parametrize(
    "text", ["", "a", "stages: [", "stages: {a: 1}", "stages:\n  a: {deps: 1}"]
)
def test_a_damaged_record_tells_nothing(lock: Lock, text: str) -> None:
    Path("dvc.lock").write_text(text)
    assert earlier_build.read(PLAN) is None
