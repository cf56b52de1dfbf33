"""Validate measures constant classifiers of the digits, whose accuracy can be counted by hand."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import artifacts, plan
from pipeline.data import digits
from pipeline.errors import ArtifactError
from pipeline.measurement import all_threads, cpu_model
from pipeline.plan import Plan
from pipeline.recipe import Data
from pipeline.runtimes.onnxruntime.inspect import inspect
from tests import handmade
from tests.stages import alone
from tests.stages.alone import Ran

ONNX, CORE_ML = "digits-ds_cnn-int8-onnxruntime", "digits-ds_cnn-float16-coreml"
# How often each digit, 0 to 9, stands in the test split.
TRUTH = [56, 52, 52, 58, 51, 52, 59, 57, 53, 50]
REASON = "Core ML runs on Apple's systems alone, and edgebake drives no such device yet"
OUTPUT = ["confusion.csv", "contract.json", "inspection.json", "latency.csv", "metrics.json", "report.json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Iterator[Path]:
    """A project whose float model is sure of 1 and whose converted file is sure of 3."""
    with chdir(tmp_path_factory.mktemp("validate")):
        plan.write(planned)
        for platform, variant in {"linux": ONNX, "ios": CORE_ML}.items():
            alone.set_param("validate", f"{variant}-{platform}", "runs", value=20)
        model = {"model.onnx": handmade.constant_onnx(3)}
        inspection = json.dumps(inspect(model).to_dict()).encode()
        alone.lay(artifacts.folder("train", "digits-ds_cnn"), {"float.tflite": handmade.constant_tflite(1)})
        alone.lay(
            artifacts.folder("convert", ONNX),
            {"files/model.onnx": model["model.onnx"], "inspection.json": inspection},
        )
        package = {"files/model.mlpackage/Manifest.json": b"{}", "files/model.mlpackage/Data/weight.bin": b"w" * 1998}
        alone.lay(artifacts.folder("convert", CORE_ML), {**package, "inspection.json": inspection})
        yield Path.cwd()


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The splits that validating the .onnx file asked for."""
    return []


@pytest.fixture(scope="module")
def ran(folder: Path, asked: list[str]) -> Ran:
    with chdir(folder), pytest.MonkeyPatch.context() as monkeypatch:
        recorded = alone.recorded_splits("validate", monkeypatch)
        found = alone.run("validate", f"{ONNX}-linux")
        asked += recorded
    return Ran(folder / found.folder, found.line)


@pytest.fixture(scope="module")
def core_ml(folder: Path) -> Ran:
    with chdir(folder):
        found = alone.run("validate", f"{CORE_ML}-ios")
    return Ran(folder / found.folder, found.line)


@pytest.fixture(scope="module")
def metrics(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = ran.json("report.json")["metrics"]
    return found


def _rows(ran: Ran, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((ran.folder / name).read_text().splitlines()))


def test_output_is_the_validated_file_itself_and_what_was_found(ran: Ran) -> None:
    assert sorted(ran.files()) == sorted([*OUTPUT, "files/model.onnx"])
    assert ran.files()["files/model.onnx"] == handmade.constant_onnx(3)
    assert ran.json("inspection.json")["input"]["shape"] == [1, 32, 32, 1]


def test_only_the_test_split_is_asked_for(ran: Ran, asked: list[str]) -> None:
    assert asked == ["test"]


def test_the_truth_is_counted_in_the_data() -> None:
    # 899 examples to train come first in the drawn order, then 540 to test.
    order = np.random.default_rng(0).permutation(1797)
    assert np.bincount(digits.load(Data()).labels[order[899:1439]]).tolist() == TRUTH


def test_accuracy_is_the_share_of_the_one_digit_it_knows(metrics: dict[str, Any]) -> None:
    here = {"unit": "share", "where": "host", "device": cpu_model(), "threads": 1, "n": 540}
    assert metrics["accuracy"] == {"value": 58 / 540, **here}
    assert metrics["float_accuracy"] == {"value": 52 / 540, **here}
    assert metrics["loss"] == {"value": pytest.approx(-6 / 540), **here}


def test_size_is_that_of_the_file(metrics: dict[str, Any]) -> None:
    size = len(handmade.constant_onnx(3)) / 1e6
    assert metrics["size_mb"] == {"value": size, "unit": "MB", "where": "file"}


def test_confusion_has_a_row_per_example(ran: Ran) -> None:
    rows = _rows(ran, "confusion.csv")
    assert Counter(row["actual"] for row in rows) == {str(digit): count for digit, count in enumerate(TRUTH)}
    assert Counter(row["predicted"] for row in rows) == {"3": 540}
    assert [row["actual"] for row in rows[:5]] == ["7", "5", "3", "6", "9"]


def test_timings_say_where_on_how_many_threads_and_how_often(metrics: dict[str, Any]) -> None:
    one, every = metrics["latency_p95_ms"], metrics["latency_p95_ms_all_threads"]
    assert (one["where"], one["threads"], one["n"]) == ("host", 1, 20)
    assert (every["where"], every["threads"], every["n"]) == ("host", all_threads(), 20)
    assert metrics["peak_memory_mb"]["unit"] == "MB"
    assert metrics["load_ms"]["value"] > 0


def test_latency_has_99_percentiles_that_agree_with_the_report(ran: Ran, metrics: dict[str, Any]) -> None:
    rows = _rows(ran, "latency.csv")
    assert [int(row["percentile"]) for row in rows] == list(range(1, 100))
    milliseconds = [float(row["milliseconds"]) for row in rows]
    assert milliseconds == sorted(milliseconds)
    for percentile in (50, 90, 95, 99):
        assert milliseconds[percentile - 1] == pytest.approx(metrics[f"latency_p{percentile}_ms"]["value"], abs=1e-6)


def test_report_names_what_was_validated_and_metrics_are_its_numbers(ran: Ran, metrics: dict[str, Any]) -> None:
    report = ran.json("report.json")
    assert (report["variant"], report["convert"]) == (f"{ONNX}-linux", ONNX)
    assert report["runtime"] == "onnxruntime"
    assert ran.json("metrics.json") == {name: metric["value"] for name, metric in metrics.items()}


def test_the_line_tells_accuracy_and_latency(ran: Ran, metrics: dict[str, Any]) -> None:
    assert ran.line == f"accuracy 0.1074, p95 {metrics['latency_p95_ms']['value']:.3f} ms on this host"


def test_core_ml_is_not_measured_and_says_why(core_ml: Ran) -> None:
    metrics = core_ml.json("report.json")["metrics"]
    absent = {"accuracy": "share", "loss": "share", "latency_p95_ms": "ms", "frames_per_second": "1/s"}
    for name, unit in {**absent, "peak_memory_mb": "MB"}.items():
        assert metrics[name] == {"value": None, "unit": unit, "where": "not measured", "reason": REASON}
    assert core_ml.line == f"not measured: {REASON}"


def test_core_ml_still_gets_its_size_and_the_float_accuracy(core_ml: Ran) -> None:
    assert core_ml.json("metrics.json") == {"size_mb": 0.002, "float_accuracy": 52 / 540}


def test_core_ml_leaves_every_file_all_the_same(core_ml: Ran) -> None:
    package = ["files/model.mlpackage/Data/weight.bin", "files/model.mlpackage/Manifest.json"]
    assert sorted(core_ml.files()) == sorted([*OUTPUT, *package])
    assert core_ml.files()["confusion.csv"] == b"actual,predicted\n"
    assert core_ml.files()["latency.csv"] == b"percentile,milliseconds\n"


def test_every_budgeted_metric_is_in_every_report(ran: Ran, core_ml: Ran, planned: Plan) -> None:
    gates = set(planned["package"]["linux"]["targets"]["raspberry_pi_5"]["budget"])
    for found in (ran, core_ml):
        assert gates <= set(found.json("report.json")["metrics"])


@pytest.mark.parametrize(
    "damaged", [f"convert/{ONNX}/files/model.onnx", "train/digits-ds_cnn/float.tflite"], ids=["converted", "float"]
)
def test_a_file_that_is_not_what_was_written_is_not_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    monkeypatch.chdir(folder)
    file = artifacts.ROOT / damaged
    whole = file.read_bytes()
    file.write_bytes(handmade.constant_onnx(4))
    try:
        with pytest.raises(ArtifactError, match=f"{file}: not what {damaged.split('/', maxsplit=1)[0]} wrote"):
            alone.run("validate", f"{ONNX}-linux")
    finally:
        file.write_bytes(whole)
