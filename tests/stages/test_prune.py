"""Prune hands on what its pruner gives, tells what that cost and won, and takes no damaged model.

Guards that the account of prune is true of the model that it hands on.
Slow: the slow ones train, prune and fine-tune a net.
"""

import csv
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.errors import ArtifactError, DataError
from edgebake.models import keras_session
from edgebake.tasks import contract
from tests.stages import alone
from tests.stages.alone import Ran

VARIANT = "digits-ds_cnn"
CHANNELS = "digits-ds_cnn-channels"
TRAIN = artifacts.folder("train", VARIANT)
TEACHER = "digits-teacher"
FILES = ["contract.json", "model.keras", "pruned.json", "training.csv"]


@pytest.fixture
def whole(params: Path) -> Ran:
    """What prune leaves of a model that is not pruned."""
    alone.lay(TRAIN, {"model.keras": b"a whole model", "float/model.tflite": b"TFL3"})
    return alone.run("prune", VARIANT)


def test_none_keeps_every_byte_and_says_so(whole: Ran) -> None:
    assert whole.line == "not pruned"
    assert whole.json("pruned.json") == {"method": "none"}
    assert whole.files()["model.keras"] == b"a whole model"
    assert whole.files()["training.csv"] == b"epoch,accuracy,loss,val_accuracy,val_loss\n"
    assert (whole.folder / "contract.json").read_text() == alone.CONTRACT.to_json()


def test_a_damaged_model_is_refused(whole: Ran) -> None:
    (TRAIN / "model.keras").write_bytes(b"a whole mode1")
    with pytest.raises(
        ArtifactError, match=r"train/digits-ds_cnn/model\.keras: not what train wrote"
    ):
        alone.run("prune", VARIANT)


@pytest.fixture
def quick(small: Path, trained: tuple[Ran, list[str]]) -> Iterator[Path]:
    """A folder with a trained model, whose plan prunes channels and fine-tunes for an epoch."""
    with chdir(small):
        before = (small / "params.yaml").read_bytes()
        section = ("prune", CHANNELS)
        for word in ("multiple", "steps"):
            alone.set_param(*section, word, value=1)
        for word, value in {"epochs": 1, "threads": 1}.items():
            alone.set_param(*section, "fine_tune", word, value=value)
        yield small
        (small / "params.yaml").write_bytes(before)


@pytest.mark.slow
def test_half_of_the_work_is_cut_and_the_account_is_of_the_model_that_was_written(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = alone.recorded_splits(monkeypatch)
    ran = alone.run("prune", CHANNELS)
    assert asked == ["train", "validation"]
    assert sorted(ran.files()) == FILES
    account = ran.json("pruned.json")
    share = account["macs"]["after"] / account["macs"]["before"]
    assert 0.45 < share <= 0.5
    assert ran.line.startswith(f"{share:.0%} of macs, ")
    model = keras_session.load(ran.files()["model.keras"])
    assert account["parameters"] == {"before": 2306, "after": model.count_params()}
    for row in account["layers"]:
        assert row["channels"]["after"] == model.get_layer(row["layer"]).output.shape[-1]
    assert account["whole"] == {"probabilities": "its softmax depends on all channels"}
    (epoch,) = csv.DictReader(ran.files()["training.csv"].decode().splitlines())
    assert float(epoch["val_accuracy"]) == pytest.approx(
        account["accuracy"]["fine_tuned"], abs=1e-6
    )
    files = ran.files()
    assert alone.run("prune", CHANNELS).files() == files


def _teacher(classes: list[str], resolution: int = 16) -> None:
    """Lay a teacher that sees smaller images and is sure of the digit 3."""
    import keras

    image = keras.Input((resolution, resolution, 1), name="image")
    head = keras.layers.Dense(len(classes), "softmax")
    model = keras.Model(image, head(keras.layers.GlobalAveragePooling2D()(image)))
    head.bias.assign([20.0 * (number == 3) for number in range(len(classes))])
    agreed = contract.image_classifier(
        replace(alone.CONTRACT.image, height=resolution, width=resolution), classes
    )
    files = {"model.keras": keras_session.save(model), "contract.json": agreed.to_json().encode()}
    alone.lay(artifacts.folder("train", TEACHER), files)


def _learn(alpha: float) -> None:
    section = ("prune", CHANNELS)
    alone.set_param(*section, "teacher", value=TEACHER)
    alone.set_param(
        *section,
        "fine_tune",
        "distill",
        value={"temperature": 2.0, "alpha": alpha, "teacher": TEACHER},
    )


@pytest.mark.slow
def test_a_teacher_by_name_is_asked_with_images_of_its_own_size_and_believed(quick: Path) -> None:
    _teacher(alone.CONTRACT.labels)
    _learn(alpha=0.0)
    account = alone.run("prune", CHANNELS).json("pruned.json")
    # It calls everything a 3, as a tenth of the digits are.
    assert account["accuracy"]["fine_tuned"] < 0.2


@pytest.mark.slow
def test_a_teacher_of_other_classes_is_refused(quick: Path) -> None:
    _teacher(["cat", "dog"])
    _learn(alpha=0.5)
    with pytest.raises(DataError) as caught:
        alone.run("prune", CHANNELS)
    assert str(caught.value) == (
        "prune.fine_tune.distill.teacher: digits-teacher predicts 2 other classes; "
        "expected a model of the 10 classes of data source digits"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "words"),
    [("magnitude", {"sparsity": 0.5, "ramp": 0.5}), ("cluster", {"bits": 3, "per_channel": False})],
)
def test_other_methods_leave_the_same_files(
    quick: Path, method: str, words: dict[str, Any]
) -> None:
    nothing = dict.fromkeys(("score", "target", "floor", "multiple", "steps"))
    for word, value in {**nothing, **words, "method": method}.items():
        alone.set_param("prune", CHANNELS, word, value=value)
    ran = alone.run("prune", CHANNELS)
    assert sorted(ran.files()) == FILES
    account = ran.json("pruned.json")
    assert account["deflated_bytes"]["after"] < account["deflated_bytes"]["before"]
    assert ran.line.startswith("100% of macs")
