"""The benchmarks of models that edgebake does not define run to their end in their smallest size.

Guards against benchmarks that no longer start.
Slow: one of them trains a model, both start TensorFlow.
"""

from pathlib import Path
from typing import Any

import pytest

from edgebake.models import keras_session
from edgebake.models.tflite.from_keras import to_tflite
from tests import builds

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def test_families_writes_a_model_and_images_that_it_was_not_trained_on(
    keras: Any, tmp_path: Path
) -> None:
    options = ("--families", "vit", "--epochs", "1")
    done = builds.python(ROOT, "-m", "benchmarks.families", str(tmp_path), *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("vit: 137,802 parameters, accuracy 0.")
    model = keras.models.load_model(tmp_path / "vit.keras")
    assert model.output_shape == (None, 10)
    assert len(list((tmp_path / "images").glob("[0-9]/*.png"))) == 898  # half of 1,797


def test_hard_swish_is_timed_in_three_forms(keras: Any, tmp_path: Path) -> None:
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, activation="hard_silu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(4, activation="softmax"),
    ]
    file = tmp_path / "small.keras"
    file.write_bytes(keras_session.save(keras.Sequential(layers)))
    done = builds.python(ROOT, "-m", "benchmarks.hard_swish", str(file))
    assert done.returncode == 0, done.stderr
    names = [line[:20].strip() for line in done.stdout.splitlines()]
    assert names == ["float", "int8, HARD_SWISH", "int8, ADD and MUL"]


def test_a_file_is_timed_while_other_programs_run(keras: Any, tmp_path: Path) -> None:
    layers = [keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3), keras.layers.Flatten()]
    file = tmp_path / "small.tflite"
    file.write_bytes(to_tflite(keras.Sequential(layers)))
    options = ("--repeats", "1", "--busy", "0", "0.5")
    done = builds.python(ROOT, "-m", "benchmarks.busy_machine", str(file), str(file), *options)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("│ ").split("│") for line in done.stdout.splitlines() if line[0] == "│"]
    assert [float(row[0]) for row in rows] == [0, 0.5]
    for _, median, percentile_90, speedup in rows:
        assert 0 < float(median) <= float(percentile_90)
        assert 0.5 < float(speedup) < 2  # of a file against itself
