"""Prune hands on what its pruner gives, tells what was cut, and takes no damaged model."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import artifacts
from pipeline.errors import ArtifactError
from tests.stages import alone

VARIANT = "digits-ds_cnn"
TRAIN = artifacts.folder("train", VARIANT)


@pytest.fixture(autouse=True)
def _trained(params: Path) -> None:
    alone.lay(TRAIN, {"model.keras": b"a whole model", "float.tflite": b"TFL3"})


def test_none_keeps_every_byte_and_says_so() -> None:
    ran = alone.run("prune", VARIANT)
    assert ran.line == "kept whole"
    assert ran.json("pruned.json") == {"method": "none", "cut": []}
    assert ran.files()["model.keras"] == b"a whole model"


def test_output_is_the_model_its_contract_and_the_report() -> None:
    ran = alone.run("prune", VARIANT)
    assert sorted(ran.files()) == ["contract.json", "model.keras", "pruned.json"]
    assert (ran.folder / "contract.json").read_text() == alone.CONTRACT.to_json()


def test_what_a_pruner_cuts_is_handed_on_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def halve(archive: bytes) -> tuple[bytes, dict[str, Any]]:
        return archive[: len(archive) // 2], {"cut": [{"layer": "conv2d", "channels": 4}, {"layer": "dense"}]}

    monkeypatch.setattr("pipeline.pruners.none.prune", halve)
    ran = alone.run("prune", VARIANT)
    assert ran.line == "2 layers cut"
    assert ran.files()["model.keras"] == b"a whol"
    assert ran.json("pruned.json")["cut"][0] == {"layer": "conv2d", "channels": 4}


def test_a_damaged_model_is_refused() -> None:
    (TRAIN / "model.keras").write_bytes(b"a whole mode1")
    with pytest.raises(ArtifactError, match=r"train/digits-ds_cnn/model\.keras: not what train wrote"):
        alone.run("prune", VARIANT)
