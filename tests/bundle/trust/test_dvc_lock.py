"""Which entries of dvc.lock count as what a bundle was built from."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.bundle.trust import dvc_lock
from edgebake.bundle.trust.dvc_lock import DvcLock
from edgebake.errors import ArtifactError


def _entry(outs: list[str], deps: list[str], md5: str = "0") -> dict[str, Any]:
    return {
        "cmd": "python",
        "deps": [{"path": path, "md5": md5} for path in deps],
        "outs": [{"path": path, "md5": md5} for path in outs],
    }


def _lock() -> Any:
    """Return a lock of two models; b has a teacher, and old is no longer in the plan."""
    model = "artifacts/{}/{}/model.keras"
    stages = {
        "plan": _entry(["artifacts/plan.ok", "artifacts/code", "artifacts/attempts"], []),
        **{
            f"train@{name}": _entry([model.format("train", name)], [f"artifacts/code/train/{name}"])
            for name in ("a", "b", "teacher")
        },
        "prune@a": _entry([model.format("prune", "a")], [model.format("train", "a")]),
        "prune@b": _entry(
            [model.format("prune", "b")], [model.format("train", "b"), "artifacts/train/teacher"]
        ),
        "quantize@a": _entry([model.format("quantize", "a")], [model.format("prune", "a")]),
        "quantize@b": _entry([model.format("quantize", "b")], [model.format("prune", "b")]),
        "convert@a": _entry(["artifacts/convert/a"], [model.format("quantize", "a")]),
        "convert@b": _entry(["artifacts/convert/b"], [model.format("quantize", "b")]),
        "convert@old": _entry(["artifacts/convert/old"], [model.format("quantize", "a")]),
        "validate@a": _entry(["artifacts/validate/android/a/report.json"], ["artifacts/convert/a"]),
        "parity": _entry(["artifacts/parity"], ["artifacts/validate"]),
        "package@android": _entry(
            ["artifacts/package/android"], ["artifacts/validate/android", "artifacts/parity"]
        ),
    }
    return {"schema": "2.0", "stages": stages}


def _changes(converts: list[str]) -> set[str]:
    """Return the stages whose entries change the digest."""
    before = dvc_lock.lock_digest(_lock(), converts)
    stages = set()
    for stage in _lock()["stages"]:
        changed = _lock()
        changed["stages"][stage]["outs"][0]["md5"] = "1"
        if dvc_lock.lock_digest(changed, converts) != before:
            stages.add(stage)
    return stages


def test_the_lock_digest_is_of_what_led_to_the_bytes() -> None:
    assert _changes(["a"]) == {"train@a", "prune@a", "quantize@a", "convert@a"}


def test_a_teacher_led_to_the_bytes_too() -> None:
    assert _changes(["b"]) == {"train@b", "train@teacher", "prune@b", "quantize@b", "convert@b"}


def test_the_lock_digest_is_one_that_anybody_can_compute() -> None:
    stages = {
        name: _lock()["stages"][name] for name in ("convert@a", "prune@a", "quantize@a", "train@a")
    }
    text = json.dumps(stages, sort_keys=True, separators=(",", ":"))
    assert dvc_lock.lock_digest(_lock(), ["a"]) == hashlib.sha256(text.encode()).hexdigest()


def test_the_order_of_the_lock_does_not_matter() -> None:
    turned: DvcLock = {"stages": dict(reversed(_lock()["stages"].items()))}
    assert dvc_lock.lock_digest(turned, ["b", "a"]) == dvc_lock.lock_digest(
        _lock(), ["a", "b", "a"]
    )


def test_a_stage_that_was_never_run_is_named() -> None:
    with pytest.raises(ArtifactError) as refused:
        dvc_lock.lock_digest(_lock(), ["c"])
    assert (
        str(refused.value)
        == "dvc.lock: convert@c: not found; expected the outputs of a build: run `dvc repro`"
    )


def test_the_projects_own_lock_is_followed_down_to_train() -> None:
    own = yaml.safe_load((Path(__file__).parents[3] / "dvc.lock").read_text())
    name = next(stage.partition("@")[2] for stage in own["stages"] if stage.startswith("convert@"))
    before = dvc_lock.lock_digest(own, [name])
    for entry in (entry for stage, entry in own["stages"].items() if stage.startswith("train@")):
        entry["outs"][0]["md5"] = "0"
    assert dvc_lock.lock_digest(own, [name]) != before
