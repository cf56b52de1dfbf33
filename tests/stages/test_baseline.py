"""Baseline trains what a pruned model is compared with, and writes its accuracy.

Guards that baselines are trained as the pruned model was, from the models that they are named for.
Slow: the slow ones train a net, prune it and train its baselines.
"""

import csv
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.errors import ArtifactError
from edgebake.models import keras_session
from edgebake.stages import baseline
from tests.stages import alone
from tests.stages.alone import Ran

PRUNED = "digits-ds_cnn-channels"
SCRATCH = f"{PRUNED}-from_scratch"
TRAINED_ON = f"{PRUNED}-parent_trained_on"
TRAIN = artifacts.folder("train", "digits-ds_cnn")
FILES = ["baseline.json", "training.csv"]


@pytest.mark.usefixtures("params")
def test_a_damaged_model_is_refused() -> None:
    alone.lay(TRAIN, {"model.keras": b"a whole model"})
    (TRAIN / "model.keras").write_bytes(b"a whole mode1")
    with pytest.raises(
        ArtifactError, match=r"train/digits-ds_cnn/model\.keras: not what train wrote"
    ):
        alone.run("baseline", TRAINED_ON)


@pytest.mark.usefixtures("params")
def test_the_pruned_model_has_to_be_there_for_its_architecture_alone() -> None:
    alone.lay(TRAIN, {"model.keras": b"a whole model"})
    with pytest.raises(ArtifactError, match=rf"prune/{PRUNED}"):
        alone.run("baseline", SCRATCH)


@pytest.fixture
def quick(small: Path, trained: tuple[Ran, list[str]]) -> Iterator[Path]:
    """A folder with a trained model, whose baselines are trained for as few epochs as can be."""
    with chdir(small):
        before = (small / "params.yaml").read_bytes()
        for variant in (SCRATCH, TRAINED_ON):
            for key, value in {"epochs": 2, "threads": 1}.items():
                alone.set_param("baseline", variant, "fine_tune", key, value=value)
        yield small
        (small / "params.yaml").write_bytes(before)


def _epochs(ran: Ran) -> list[int]:
    rows = csv.DictReader(ran.files()["training.csv"].decode().splitlines())
    return [int(row["epoch"]) for row in rows]


@pytest.mark.slow
def test_the_original_model_is_trained_on_without_the_pruned_one(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = alone.recorded_splits(monkeypatch)
    ran = alone.run("baseline", TRAINED_ON)
    assert splits == ["train", "validation"]
    assert sorted(ran.files()) == FILES
    result = ran.json("baseline.json")
    assert result["kind"] == "parent_trained_on"
    assert 0 < result["accuracy"] <= 1
    assert ran.line == f"validation accuracy {result['accuracy']:.4f}"
    assert _epochs(ran) == [1, 2]  # one in each of two steps
    assert alone.run("baseline", TRAINED_ON).files() == ran.files()


@pytest.mark.slow
def test_an_architecture_is_trained_from_scratch_if_it_saves_operations(quick: Path) -> None:
    larger = keras_session.load((TRAIN / "model.keras").read_bytes())
    folder = artifacts.folder("prune", PRUNED)
    alone.lay(folder, {"model.keras": keras_session.save(larger)})
    ran = alone.run("baseline", SCRATCH)
    assert ran.line == baseline.NOT_SMALLER
    assert ran.json("baseline.json") == {"kind": "from_scratch", "accuracy": None}
    assert _epochs(ran) == []
    alone.lay(folder, {"model.keras": _smaller_model()})
    ran = alone.run("baseline", SCRATCH)
    result = ran.json("baseline.json")
    assert sorted(ran.files()) == FILES
    assert ran.line == f"validation accuracy {result['accuracy']:.4f}"
    assert _epochs(ran) == [1, 2, 3]  # one of train, two of fine-tuning


def _smaller_model() -> bytes:
    import keras

    image = keras.Input((32, 32, 1), name="image")
    pixels = keras.layers.GlobalAveragePooling2D()(image)
    return keras_session.save(keras.Model(image, keras.layers.Dense(10, "softmax")(pixels)))
