"""Train is reproducible, and its float reference predicts like Keras.

Guards that training gives the same bytes in every process.
Slow: it trains three times.
"""

import csv
import math
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from edgebake import artifacts
from edgebake.models import keras_session
from edgebake.runtimes.litert import FILE, run
from edgebake.runtimes.session import single_output
from edgebake.tasks import contract
from tests.stages import alone
from tests.stages.alone import Ran

pytestmark = pytest.mark.slow

VARIANT = "digits-ds_cnn"


@pytest.fixture
def ran(trained: tuple[Ran, list[str]]) -> Ran:
    return trained[0]


def _history(ran: Ran) -> list[dict[str, float]]:
    rows = csv.DictReader((ran.folder / "history.csv").read_text().splitlines())
    return [{name: float(value) for name, value in row.items()} for row in rows]


def test_output_is_the_model_its_float_file_its_contract_and_its_numbers(ran: Ran) -> None:
    assert sorted(ran.files()) == [
        "contract.json",
        "float/model.tflite",
        "float/reference.json",
        "history.csv",
        "metrics.json",
        "model.keras",
    ]
    assert contract.from_json((ran.folder / "contract.json").read_text()) == alone.CONTRACT


def test_the_test_and_calibration_splits_are_never_asked_for(
    trained: tuple[Ran, list[str]],
) -> None:
    assert trained[1] == ["train", "validation"]


def test_history_has_a_row_per_epoch(ran: Ran) -> None:
    (row,) = _history(ran)
    assert list(row) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert row["epoch"] == 1
    # A network that knows nothing answers one of ten digits right, at a loss of ln 10.
    assert row["accuracy"] > 0.2
    assert row["loss"] < math.log(10)


def test_metrics_are_those_of_the_last_epoch(ran: Ran) -> None:
    last = _history(ran)[-1]
    metrics = ran.json("metrics.json")
    # 1,464 in the kernels, four for each of 128 normalised channels, 330 in the last layer.
    parameters = 1464 + 4 * 128 + 330
    assert metrics == {
        "validation_accuracy": pytest.approx(last["val_accuracy"]),
        "validation_cross_entropy": pytest.approx(last["val_loss"], rel=1e-5),
        "parameters": parameters,
    }
    assert ran.line == f"validation accuracy {last['val_accuracy']:.4f}, 2,306 parameters"


def test_the_float_file_answers_like_keras(ran: Ran) -> None:
    model = keras_session.load(ran.files()["model.keras"])
    session = run.load({FILE: ran.files()["float/model.tflite"]}, 1)
    for example in np.random.default_rng(0).uniform(-1, 1, (5, 1, 32, 32, 1)).astype(np.float32):
        session.feed({"image": example})
        session.invoke()
        np.testing.assert_allclose(
            single_output(session.read()), model(example, training=False), atol=1e-5
        )


def test_batch_normalisation_forgets_faster_than_keras_would_have_it(ran: Ran) -> None:
    model = keras_session.load(ran.files()["model.keras"])
    momenta = [layer.momentum for layer in model.layers if hasattr(layer, "momentum")]
    assert momenta == [0.9] * 9


def test_another_process_trains_the_same_bytes(ran: Ran, small: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((small / "params.yaml").read_bytes())
    shutil.copytree(
        small / artifacts.folder("data", "digits"), tmp_path / artifacts.folder("data", "digits")
    )
    program = f"from edgebake.execution import runner; runner.run('train', '{VARIANT}')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    again = tmp_path / artifacts.folder("train", VARIANT)
    assert done.stdout == f"train {VARIANT}: {ran.line}\n"
    assert (again / artifacts.SUMS).read_text() == (ran.folder / artifacts.SUMS).read_text()


def test_another_seed_trains_another_model(ran: Ran, small: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((small / "params.yaml").read_bytes())
    shutil.copytree(
        small / artifacts.folder("data", "digits"), tmp_path / artifacts.folder("data", "digits")
    )
    with chdir(tmp_path):
        alone.set_param("train", VARIANT, "seed", value=2)
        other = alone.run("train", VARIANT)
        assert _history(other)[0]["loss"] != _history(ran)[0]["loss"]
