"""Quantize draws its calibration examples from the calibration split alone, the same for the same seed."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import artifacts, sections
from pipeline.data import digits
from pipeline.dataset import split
from pipeline.errors import ArtifactError, DataError
from pipeline.quantized import from_files
from pipeline.recipe import Compression, Palette
from tests.stages import alone
from tests.stages.alone import Ran

INT8, FLOAT16, PALETTIZED = "digits-ds_cnn-int8", "digits-ds_cnn-float16", "digits-ds_cnn-palettized"
UNCOMPRESSED = {"palette": None, "block_size": None, "sparsity": None}
PRUNE = artifacts.folder("prune", "digits-ds_cnn")


@pytest.fixture(autouse=True)
def _pruned(params: Path) -> None:
    alone.lay(PRUNE, {"model.keras": b"a model"})


def _calibration(ran: Ran) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.load(io.BytesIO(ran.files()["calibration.npy"]), allow_pickle=False)
    return found


def _held() -> NDArray[np.float32]:
    """Return the whole calibration split as the model sees it."""
    data = sections.read("quantize", INT8).data
    return alone.CONTRACT.prepare(split(digits.load(data), data, "calibration").images)


def test_int8_hands_on_the_model_its_contract_its_scheme_and_100_examples() -> None:
    ran = alone.run("quantize", INT8)
    assert ran.line == "int8, calibrated on 100 examples"
    assert sorted(ran.files()) == ["calibration.npy", "contract.json", "model.keras", "scheme.json"]
    assert ran.files()["model.keras"] == b"a model"
    assert ran.json("scheme.json") == {
        "scheme": "int8",
        "weights": "int8",
        "activations": "int8",
        "compression": UNCOMPRESSED,
    }
    assert ran.json("contract.json") == json.loads(alone.CONTRACT.to_json())


def test_examples_are_as_the_model_sees_them() -> None:
    found = _calibration(alone.run("quantize", INT8))
    assert found.shape == (100, 32, 32, 1)
    assert found.dtype == np.float32
    # Grey levels 0 and 255 become -1 and 1.
    assert (found.min(), found.max()) == (-1, 1)


def test_examples_are_100_different_ones_of_the_calibration_split() -> None:
    drawn = {example.tobytes() for example in _calibration(alone.run("quantize", INT8))}
    assert len(drawn) == 100
    assert drawn < {example.tobytes() for example in _held()}


def test_only_the_calibration_split_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = alone.recorded_splits("quantize", monkeypatch)
    alone.run("quantize", INT8)
    assert asked == ["calibration"]


def test_same_seed_gives_the_same_bytes_and_another_seed_other_examples() -> None:
    first, again = alone.run("quantize", INT8).files(), alone.run("quantize", INT8).files()
    alone.set_param("quantize", INT8, "calibration", "seed", value=1)
    other = alone.run("quantize", INT8).files()
    assert first == again
    assert first["calibration.npy"] != other["calibration.npy"]


def test_float16_looks_at_no_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = alone.recorded_splits("quantize", monkeypatch)
    ran = alone.run("quantize", FLOAT16)
    assert ran.line == "float16, no calibration"
    assert asked == []
    assert sorted(ran.files()) == ["contract.json", "model.keras", "scheme.json"]
    assert ran.json("scheme.json") == {
        "scheme": "float16",
        "weights": "float16",
        "activations": "float32",
        "compression": UNCOMPRESSED,
    }


def test_a_compressing_scheme_hands_on_how_the_recipe_wants_weights_stored() -> None:
    alone.set_param("quantize", PALETTIZED, "compression", "palette", "bits", value=4)
    ran = alone.run("quantize", PALETTIZED)
    assert ran.line == "palettized, no calibration"
    assert ran.json("scheme.json") == {
        "scheme": "palettized",
        "weights": "palette",
        "activations": "float32",
        "compression": {**UNCOMPRESSED, "palette": {"bits": 4, "group_size": None, "per_channel_scale": False}},
    }
    assert from_files(ran.files()).compression == Compression(Palette(4, None, False))


def test_the_whole_split_can_be_asked_for_and_not_one_example_more() -> None:
    # A tenth of 1,797 digits.
    alone.set_param("quantize", INT8, "calibration", "examples", value=179)
    assert alone.run("quantize", INT8).line == "int8, calibrated on 179 examples"
    alone.set_param("quantize", INT8, "calibration", "examples", value=180)
    with pytest.raises(DataError) as refused:
        alone.run("quantize", INT8)
    assert str(refused.value) == (
        "pipeline/data/digits.py: the calibration split holds 179 examples; "
        "expected at least the 180 of quantize.calibration.examples"
    )


def test_a_damaged_model_is_refused() -> None:
    (PRUNE / "model.keras").write_bytes(b"another model")
    with pytest.raises(ArtifactError, match=r"prune/digits-ds_cnn/model\.keras: not what prune wrote"):
        alone.run("quantize", INT8)
