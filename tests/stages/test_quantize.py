"""Quantize finds reproducible ranges in the calibration split alone.

Guards that ranges come from the calibration split alone, and from the seed.
Slow: the slow ones start TensorFlow and calibrate.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake import artifacts, plugins
from edgebake.data.dataset import take_split
from edgebake.data.sources import digits
from edgebake.errors import ArtifactError, ConversionError, DataError
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Compression, Model, Palette, stage_params
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from tests.contracts import square_contract
from tests.stages import alone
from tests.stages.alone import Ran

INT8, FLOAT16, PALETTIZED = (
    "digits-ds_cnn-int8",
    "digits-ds_cnn-float16",
    "digits-ds_cnn-palettized",
)
UNCOMPRESSED = {"palette": None, "block_size": None, "sparsity": None}
PRUNE = artifacts.folder("prune", "digits-ds_cnn")
FILES = [
    "contract.json",
    "layers.csv",
    "model.keras",
    "probes.npy",
    "ranges.csv",
    "scheme.json",
    "training.csv",
]
GATE = {"at_least": 0.0, "required": True}


@pytest.fixture(autouse=True)
def _pruned(params: Path) -> None:
    alone.lay(PRUNE, {"model.keras": b"a model"})


@pytest.fixture(scope="module")
def archive() -> bytes:
    """A classifier with random weights, a quarter of the default one's channels."""
    keras = keras_session.start(1, 3)
    keras.backend.clear_session()
    return keras_session.save(
        plugins.load("model.architecture", "ds_cnn").build(
            Model("ds_cnn", 0.25, 32), square_contract(32, 1, 10)
        )
    )


@pytest.fixture
def real(archive: bytes, _pruned: None) -> bytes:
    """The same in the place of the model that prune left."""
    alone.lay(PRUNE, {"model.keras": archive})
    return archive


def _ranges(ran: Ran) -> ActivationRanges:
    found = ActivationRanges.from_files(ran.files())
    assert found is not None
    return found


def _layers(ran: Ran) -> list[dict[str, Any]]:
    return list(csv.DictReader(ran.files()["layers.csv"].decode().splitlines()))


def test_float16_looks_at_no_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = alone.recorded_splits(monkeypatch)
    ran = alone.run("quantize", FLOAT16)
    assert ran.line == "float16, no calibration"
    assert asked == []
    assert sorted(ran.files()) == FILES
    assert ran.files()["model.keras"] == b"a model"
    assert ran.json("contract.json") == json.loads(alone.CONTRACT.to_json())
    assert ran.json("scheme.json") == {
        "scheme": "float16",
        "weights": "float16",
        "activations": "float32",
        "granularity": None,
        "compression": UNCOMPRESSED,
        "fallback_dtype": None,
        "kept": {},
        "fallback": [],
        "fallback_limit": 0.1,
    }
    assert ActivationRanges.from_files(ran.files()) is None
    assert _layers(ran) == []


def test_a_compressing_scheme_hands_on_how_the_recipe_wants_weights_stored() -> None:
    alone.set_param("quantize", PALETTIZED, "compression", "palette", "bits", value=4)
    ran = alone.run("quantize", PALETTIZED)
    assert ran.line == "palettized, no calibration"
    assert ran.json("scheme.json")["compression"] == {
        **UNCOMPRESSED,
        "palette": {"bits": 4, "group_size": None, "per_channel_scale": False},
    }
    assert QuantizedModel.from_files(ran.files()).compression == Compression(
        Palette(4, None, False)
    )


def test_a_model_that_its_library_cannot_run_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("Graph execution error:\n\nDetected at node lstm")

    monkeypatch.setattr("edgebake.models.keras_session.start", lambda *_: None)
    monkeypatch.setattr("edgebake.compression.quantization.calibration.calibrate", failing)
    with pytest.raises(ConversionError) as refused:
        alone.run("quantize", INT8)
    assert str(refused.value) == (
        f"quantize {INT8}: TensorFlow cannot calibrate the model (RuntimeError: Graph execution "
        "error:); expected a model, and a scheme, for which it can; the log of the stage has all "
        "that it says"
    )


def test_a_damaged_model_is_refused() -> None:
    (PRUNE / "model.keras").write_bytes(b"another model")
    with pytest.raises(
        ArtifactError, match=r"prune/digits-ds_cnn/model\.keras: not what prune wrote"
    ):
        alone.run("quantize", INT8)


@pytest.mark.slow
def test_int8_hands_on_the_model_and_a_range_for_each_of_its_values(real: bytes) -> None:
    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        ran = alone.run("quantize", INT8)
    assert Progress(100, 100, "samples") in shown
    assert ran.line.startswith("int8, calibrated on 100 samples by min_max")
    assert sorted(ran.files()) == FILES
    assert ran.files()["model.keras"] == real
    ranges = _ranges(ran)
    by_name = {one.name: one for one in ranges.entries}
    # Grey levels 0 and 255 become -1 and 1.
    assert (by_name["image"].low, by_name["image"].high) == (-1, 1)
    assert all(one.low <= 0 <= one.high for one in ranges.entries)
    assert all(
        one.low >= 0 and one.high <= 6 for name, one in by_name.items() if name.endswith("/Relu6")
    )
    assert [row["layer"] for row in _layers(ran)][-2:] == ["probabilities", "probabilities"]
    assert {row["kept"] for row in _layers(ran)} == {""}


@pytest.mark.slow
def test_probes_are_examples_of_the_calibration_split_alone(
    real: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = stage_params.read("quantize", INT8).data
    held = alone.CONTRACT.image.preprocess(
        take_split(digits.load(data), data, "calibration").inputs
    )
    asked = alone.recorded_splits(monkeypatch)
    probes = _ranges(alone.run("quantize", INT8)).probes["image"]
    assert set(asked) == {"calibration"}
    assert {probe.tobytes() for probe in probes} < {example.tobytes() for example in held}
    assert len({probe.tobytes() for probe in probes}) == len(probes) == 4


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes_and_another_seed_other_ranges(real: bytes) -> None:
    alone.set_param("quantize", INT8, "calibration", "samples", value=20)
    first, again = alone.run("quantize", INT8).files(), alone.run("quantize", INT8).files()
    alone.set_param("quantize", INT8, "calibration", "seed", value=1)
    other = alone.run("quantize", INT8).files()
    assert first == again
    assert first["ranges.csv"] != other["ranges.csv"]


@pytest.mark.slow
def test_a_method_that_clips_gives_narrower_ranges(real: bytes) -> None:
    whole = {one.name: one for one in _ranges(alone.run("quantize", INT8)).entries}
    alone.set_param("quantize", INT8, "calibration", "method", value="percentile")
    alone.set_param("quantize", INT8, "calibration", "percentile", value=99.0)
    clipped = _ranges(alone.run("quantize", INT8)).entries
    assert all(
        one.high <= whole[one.name].high and one.low >= whole[one.name].low for one in clipped
    )
    assert sum(one.high < whole[one.name].high for one in clipped) > len(clipped) / 2


@pytest.mark.slow
def test_the_whole_split_can_be_asked_for_and_not_one_example_more(real: bytes) -> None:
    # A tenth of 1,797 digits.
    alone.set_param("quantize", INT8, "calibration", "samples", value=179)
    assert alone.run("quantize", INT8).line.startswith("int8, calibrated on 179 samples")
    alone.set_param("quantize", INT8, "calibration", "samples", value=180)
    with pytest.raises(DataError) as refused:
        alone.run("quantize", INT8)
    assert str(refused.value) == (
        "data source digits: the calibration split holds 179 examples; "
        "expected at least the 180 of quantize.calibration.samples"
    )


@pytest.mark.slow
def test_mixed_keeps_nothing_where_int8_passes_the_gate_and_all_where_nothing_does(
    real: bytes,
) -> None:
    for word, value in {"scheme": "mixed", "fallback_dtype": "float32", "accuracy": GATE}.items():
        alone.set_param("quantize", INT8, word, value=value)
    passing = alone.run("quantize", INT8)
    assert passing.line.endswith("0 of 12 layers kept in float32")
    assert passing.json("scheme.json")["kept"] == {}
    alone.set_param("quantize", INT8, "accuracy", "at_least", value=1.0)
    hopeless = alone.run("quantize", INT8)
    assert hopeless.line.endswith("12 of 12 layers kept in float32")
    assert {row["kept"] for row in _layers(hopeless)} == {"kept"}


@pytest.mark.slow
def test_a_model_that_litert_lacks_operators_for_is_quantized_for_the_other_runtimes(
    real: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_: object, __: object) -> bytes:
        raise ConversionError("LiteRT's converter knows no operator for MaxPool3D")

    monkeypatch.setattr("edgebake.runtimes.litert.calibrated_model.to_float_tflite", refusing)
    ran = alone.run("quantize", INT8)
    assert ran.line.endswith(
        ", without a table of layers, which are LiteRT's: LiteRT's converter knows no operator for "
        "MaxPool3D"
    )
    assert _layers(ran) == []
    assert _ranges(ran).entries


@pytest.mark.slow
def test_a_dead_layer_is_told_by_name(archive: bytes) -> None:
    keras_session.start(1)
    model = keras_session.load(archive)
    first = next(layer for layer in model.layers if "batch_normalization" in layer.name)
    first.gamma.assign(
        np.zeros(first.gamma.shape)
    )  # its beta is zero too, and so is all that follows
    alone.lay(PRUNE, {"model.keras": keras_session.save(model)})
    ran = alone.run("quantize", INT8)
    assert ", zero width at conv2d depthwise_conv2d conv2d_1 " in ran.line
    assert _layers(ran)[0]["note"] == "zero width"
