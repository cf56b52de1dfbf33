"""Validate measures constant classifiers of the digits, whose accuracy can be counted by hand."""

import base64
import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.dataset import Examples, take_split
from edgebake.data.sources import digits
from edgebake.errors import ArtifactError, ConversionError, CoverageError, listed
from edgebake.evaluation.devices import host
from edgebake.evaluation.gates.evidence import SPECIAL
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.latency.stopwatch import all_threads, cpu_model, digest, os_name
from edgebake.evaluation.statistics import paired, proportion
from edgebake.measurement import Measurement
from edgebake.plan import planner
from edgebake.recipe import Data, SplitBy, Splits
from edgebake.recipe.stage_params import Plan
from edgebake.runtimes.coreml import apple
from edgebake.runtimes.coreml import inspect as core_ml_inspect
from edgebake.runtimes.coreml import run as core_ml_run
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.coreml.executor.translation import supported_operators
from edgebake.runtimes.onnxruntime.inspect import inspect
from edgebake.runtimes.workload import from_json
from edgebake.tasks.tensors import Feeds
from tests import handmade
from tests.runtimes import local_sessions
from tests.runtimes.coreml.programs import Image, Op, Typed, files, labels, op, real, text
from tests.stages import alone
from tests.stages.alone import Ran

ONNX, BASELINE = "digits-ds_cnn-int8-onnxruntime", "digits-ds_cnn-onnxruntime"
CORE_ML, PALETTIZED = "digits-ds_cnn-float16-coreml", "digits-ds_cnn-palettized-coreml"
SHARES = {
    "accuracy": (55 / 540, proportion.interval(55, 540)),
    "float_accuracy": (53 / 540, proportion.interval(53, 540)),
    "accuracy_drop": (-2 / 540, paired.interval(53, 55, 540)),
}
# How often each digit, 0 to 9, stands in the test split.
# 540/1797 of 178, 182, 177, 183, 181, 182, 181, 179, 174 and 180.
TRUTH = [53, 55, 53, 55, 54, 55, 54, 54, 53, 54]
ROWS = ("answer", "label")
OUTPUT = [
    *(
        "answers.npy",
        "contract.json",
        "examples.csv",
        "golden.json",
        "inspection.json",
        "latency.csv",
    ),
    *("metrics.json", "placement.json", "report.json", "resamples.json"),
    *(f"rows/accuracy/{model}/right.npy" for model in ("file", "float")),
    *(f"rows/macro_f1/{model}/{name}.npy" for model in ("file", "float") for name in ROWS),
    "workload.json",
]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, planned: Plan, looked_at: Path
) -> Iterator[Path]:
    """A project whose float model predicts 8, and whose converted files predict 3 or, one, 7."""
    with chdir(tmp_path_factory.mktemp("validate")):
        planner.write(planned)
        shutil.copytree(looked_at, artifacts.folder("data", "digits"))
        for word, value in {"runs": 20, "seconds": 0.01, "repeats": 1}.items():
            alone.set_param("validate", f"{ONNX}-linux", word, value=value)
        model = {"model.onnx": handmade.constant_onnx(3)}
        inspection = json.dumps(inspect(model).to_dict()).encode()
        alone.lay(artifacts.folder("train", "digits-ds_cnn"), handmade.float_reference(8))
        alone.lay(
            artifacts.folder("convert", ONNX),
            {"files/model.onnx": model["model.onnx"], "inspection.json": inspection},
        )
        alone.lay(
            artifacts.folder("convert", BASELINE), {"files/model.onnx": handmade.constant_onnx(8)}
        )
        _lay_package(CORE_ML, PROGRAM)
        _lay_package(PALETTIZED, _package("float32"))
        yield Path.cwd()


def _package(dtype: str, *front: Op) -> dict[str, bytes]:
    """Return a package of images [1, 32, 32, 1] that prefers 7 to 3 by less than float16 resolves.

    In float16 both are 1, and the first of equals is predicted. `front` are the first operations.
    """
    number, word = np.dtype(dtype), text({"float16": "fp16", "float32": "fp32"}[dtype])
    ones, more, less = np.ones(10, number), np.zeros((1, 10), number), np.zeros((1, 10), number)
    more[0, [3, 7]], less[0, [3, 7]] = (
        [1, 1 + 2**-10],
        [1, 1 - 2**-11],
    )  # multiplied, at 7: 1 + 2^-11 - 2^-21
    row: Typed = (dtype, (1, 10))
    answer: dict[str, Typed] = {"label": ("string", ()), "scores": ("dictionary", ())}
    seen = next(iter(front[-1].outputs)) if front else "image"
    operations = [
        *front,
        op("cast", {"x": seen, "dtype": word}, pixels=(dtype, (1, 1, 32, 32))),
        op("reshape", {"x": "pixels", "shape": [1, 1024]}, flat=(dtype, (1, 1024))),
        op("linear", {"x": "flat", "weight": np.zeros((10, 1024), number), "bias": ones}, ones=row),
        op("mul", {"x": "ones", "y": more}, more=row),
        op("mul", {"x": "more", "y": less}, probabilities=row),
        Op(
            "classify",
            {"probabilities": "probabilities", "classes": labels(list("0123456789"))},
            answer,
        ),
    ]
    return files({"image": Image("GRAYSCALE", 32, 32)}, operations, ["label", "scores"])


PROGRAM = _package("float16")


def _lay_package(variant: str, package: dict[str, bytes]) -> None:
    """Lay out what convert writes of a package."""
    inspection = json.dumps(core_ml_inspect.inspect(package).to_dict()).encode()
    written = {f"files/{name}": content for name, content in package.items()}
    alone.lay(artifacts.folder("convert", variant), {**written, "inspection.json": inspection})


def _validated_off_a_mac(variant: str) -> Ran:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(core_ml_run, "_on_a_mac", lambda: False)
        local_sessions.run_here(monkeypatch)
        return alone.run("validate", f"{variant}-ios")


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The splits that validating the .onnx file asked for."""
    return []


@pytest.fixture(scope="module")
def ran(folder: Path, asked: list[str]) -> Ran:
    with chdir(folder), pytest.MonkeyPatch.context() as monkeypatch:
        recorded = alone.recorded_splits(monkeypatch)
        found = alone.run("validate", f"{ONNX}-linux")
        asked += recorded
    return Ran(folder / found.folder, found.line)


@pytest.fixture(scope="module")
def core_ml(folder: Path) -> Ran:
    with chdir(folder):
        found = _validated_off_a_mac(CORE_ML)
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


def _tested() -> Examples:
    """Return the test split of the digits."""
    splits = Splits(SplitBy.seed, train=0.5, calibration=0.1, validation=0.1, test=0.3)
    data = Data(source="digits", path=None, seed=0, splits=splits)
    return take_split(digits.load(data), data, "test")


def test_the_truth_is_counted_in_the_data() -> None:
    assert np.bincount(_tested().labels).tolist() == TRUTH


def test_accuracy_is_the_share_of_the_one_digit_it_knows(metrics: dict[str, Any]) -> None:
    for name, (value, interval) in SHARES.items():
        found = metrics[name]
        assert (found["value"], found["interval"]) == (
            pytest.approx(value),
            pytest.approx(interval),
        )
        assert (found["unit"], found["where"], found["n"]) == ("share", "host", 540)


def test_every_share_says_on_which_machine_in_what_and_of_which_file_it_was_measured(
    ran: Ran, metrics: dict[str, Any]
) -> None:
    here = {"device": cpu_model(), "os": os_name(), "threads": 1}
    file = digest(ran.folder / "files/model.onnx")
    for name in SHARES:
        assert here.items() <= metrics[name].items()
    assert metrics["accuracy"]["sha256"] == metrics["accuracy_drop"]["sha256"] == file
    assert metrics["accuracy"]["runtime"].startswith("onnxruntime ")
    assert metrics["float_accuracy"]["runtime"].startswith("ai-edge-litert ")
    assert metrics["float_accuracy"]["sha256"] != file


def test_calibration_error_is_how_far_it_is_from_being_as_right_as_it_is_sure(
    ran: Ran, metrics: dict[str, Any]
) -> None:
    sure = float(_rows(ran, "examples.csv")[0]["confidence"])
    found = metrics["expected_calibration_error"]
    assert found["value"] == pytest.approx(abs(sure - 55 / 540), abs=1e-6)
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert len(ran.json("resamples.json")["expected_calibration_error"]) == 999


def test_size_is_that_of_the_file(metrics: dict[str, Any]) -> None:
    size = len(handmade.constant_onnx(3)) / 1e6
    sha256 = artifacts.sha256(handmade.constant_onnx(3))
    assert metrics["size_mb"] == {"value": size, "unit": "MB", "where": "file", "sha256": sha256}


def test_work_is_counted_in_the_file_and_placed(ran: Ran, metrics: dict[str, Any]) -> None:
    workload = from_json((ran.folder / "workload.json").read_text())
    assert metrics["macs"]["value"] == workload.macs
    assert metrics["parameters"]["value"] == workload.parameters
    assert metrics["activation_peak_mb"]["value"] == workload.activation_peak_bytes / 1e6
    (cpu,) = ran.json("placement.json")  # no delegate of ONNX Runtime is known on Linux
    assert (cpu["accelerator"], cpu["operators"], cpu["macs"]) == ("cpu", 1, 1)


def test_examples_have_a_row_each_with_both_answers_and_the_columns_of_the_data(ran: Ran) -> None:
    rows = _rows(ran, "examples.csv")
    assert Counter(row["label"] for row in rows) == {
        str(digit): count for digit, count in enumerate(TRUTH)
    }
    assert Counter(row["answer"] for row in rows) == {"3": 540}
    assert Counter(row["float_answer"] for row in rows) == {"8": 540}
    assert [row["label"] for row in rows[:5]] == ["9", "9", "9", "2", "2"]
    in_data = artifacts.folder("data", "digits") / "examples.csv"
    with in_data.open(newline="") as lines:
        tested = [row for row in csv.DictReader(lines) if row["split"] == "test"]
    assert [row["name"] for row in rows] == [row["name"] for row in tested]
    assert set(Counter(row["slice:ink"] for row in rows)) == {"light", "medium", "heavy"}
    answers = np.load(ran.folder / "answers.npy")
    assert answers.shape == (540, 10)
    assert set(answers.argmax(axis=1)) == {3}


def test_golden_vectors_are_examples_of_the_test_split_with_what_the_file_took_and_gave(
    ran: Ran,
) -> None:
    found = ran.json("golden.json")
    assert found["sha256"] == digest(ran.folder / "files/model.onnx")
    # It is sure of 3, and right five times and more: none of the five examples is another digit.
    assert [one["label"] for one in found["examples"]] == ["3"] * 5
    assert {tuple(one["output"]) for one in found["examples"]} == {(0, 0, 0, 1, 0, 0, 0, 0, 0, 0)}
    raw = np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(found["examples"][0]["image"]))))
    tested = _tested()
    first = tested.labels.tolist().index(3)
    assert (raw == tested.inputs[first]).all()
    assert found["examples"][0]["name"] == tested.names[first]
    tensor = found["examples"][0]["tensor"]
    fed = np.frombuffer(base64.b64decode(tensor["data"]), tensor["dtype"]).reshape(tensor["shape"])
    assert (fed == alone.CONTRACT.image.preprocess([raw])).all()


def test_a_file_whose_answers_other_kernels_could_turn_has_no_golden_vectors(
    folder: Path, core_ml: Ran
) -> None:
    # In float16 it cannot tell 3 from 7; in float32 it is surer of 7 by less than a GPU can tell.
    assert core_ml.json("golden.json")["examples"] == []
    with chdir(folder):
        assert _validated_off_a_mac(PALETTIZED).json("golden.json")["examples"] == []


def test_timings_say_where_on_how_many_threads_and_how_often(metrics: dict[str, Any]) -> None:
    one, every = metrics["latency_p90_ms"], metrics["latency_p90_ms_all_threads"]
    assert (one["where"], one["threads"], every["where"], every["threads"]) == (
        "host",
        1,
        "host",
        all_threads(),
    )
    assert min(one["n"], every["n"]) >= 20
    assert metrics["speedup"]["unit"] == "times"
    assert metrics["baseline_p90_ms"]["sha256"] == artifacts.sha256(handmade.constant_onnx(8))
    assert metrics["peak_memory_mb"]["unit"] == "MB"
    assert metrics["load_ms"]["value"] > 0


def test_latency_has_99_percentiles_that_agree_with_the_report(
    ran: Ran, metrics: dict[str, Any]
) -> None:
    rows = _rows(ran, "latency.csv")
    assert [int(row["percentile"]) for row in rows] == list(range(1, 100))
    milliseconds = [float(row["milliseconds"]) for row in rows]
    assert milliseconds == sorted(milliseconds)
    for percentile in (50, 90, 95, 99):
        assert milliseconds[percentile - 1] == pytest.approx(
            metrics[f"latency_p{percentile}_ms"]["value"], rel=0.3
        )


def test_report_names_what_was_validated_and_metrics_are_its_numbers(
    ran: Ran, metrics: dict[str, Any]
) -> None:
    report = ran.json("report.json")
    assert (report["variant"], report["convert"]) == (f"{ONNX}-linux", ONNX)
    assert report["runtime"] == "onnxruntime"
    assert ran.json("metrics.json") == _unmarked_values(metrics)


def _unmarked_values(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the values of metrics that were measured, and not next to other work."""
    return {
        name: metric["value"]
        for name, metric in metrics.items()
        if metric["value"] is not None and not metric.get("disturbed_by")
    }


def test_the_line_tells_accuracy_and_latency(ran: Ran, metrics: dict[str, Any]) -> None:
    latency = metrics["latency_p90_ms"]
    expected = f"accuracy 0.1019, p90 {latency['value']:.3f} ms on this host"
    if "disturbed_by" in latency:  # the machine of this test run does something else
        expected += f", next to other work: {latency['disturbed_by']}"
    assert ran.line == expected


def test_core_ml_is_measured_by_the_executor_and_says_so(core_ml: Ran) -> None:
    metrics = core_ml.json("report.json")["metrics"]
    assert {name: metrics[name]["value"] for name in SHARES} == {
        name: pytest.approx(value) for name, (value, _) in SHARES.items()
    }
    assert [metrics[name]["where"] for name in SHARES] == [LABEL, "host", LABEL]
    # In half precision the model's first two classes are equal: the first counts.
    tied = "100.0% of the answers tied"
    assert core_ml.line == f"accuracy 0.1019 {LABEL}, {tied}, p90 not measured"


def test_core_ml_in_float16_is_compared_with_float32_arithmetic(core_ml: Ran) -> None:
    metrics = core_ml.json("report.json")["metrics"]
    # Not rounded it is sure of 7, another answer on every image.
    for name, value in {
        "accuracy_float32_arithmetic": 54 / 540,
        "agreement_float32_arithmetic": 0.0,
    }.items():
        assert (metrics[name]["value"], metrics[name]["where"]) == (value, LABEL)


def test_core_ml_without_float16_has_nothing_to_compare(folder: Path) -> None:
    with chdir(folder):
        found = _validated_off_a_mac(PALETTIZED).json("report.json")["metrics"]
    assert found["accuracy"]["value"] == 54 / 540
    assert [name for name in found if name.endswith("arithmetic")] == []


def test_core_ml_is_not_timed_off_a_mac_and_says_why(core_ml: Ran) -> None:
    metrics = core_ml.json("report.json")["metrics"]
    for name, unit in {
        "latency_p90_ms": "ms",
        "frames_per_second": "1/s",
        "peak_memory_mb": "MB",
        "speedup": "times",
    }.items():
        absent = {
            "value": None,
            "unit": unit,
            "where": "not measured",
            "reason": core_ml_run.UNTIMED,
        }
        assert metrics[name] == absent
    assert core_ml.files()["latency.csv"] == b"percentile,milliseconds\n"
    assert core_ml.json("metrics.json") == _unmarked_values(metrics)


def test_core_ml_leaves_every_file_all_the_same(core_ml: Ran) -> None:
    assert sorted(core_ml.files()) == sorted([*OUTPUT, *(f"files/{name}" for name in PROGRAM)])
    rows = _rows(core_ml, "examples.csv")
    assert Counter(row["label"] for row in rows) == {
        str(digit): count for digit, count in enumerate(TRUTH)
    }
    assert Counter(row["answer"] for row in rows) == {"3": 540}
    assert core_ml.json("metrics.json")["size_mb"] == sum(map(len, PROGRAM.values())) / 1e6


def test_a_program_that_is_not_covered_is_named_and_leaves_nothing(params: Path) -> None:
    alone.lay(artifacts.folder("train", "digits-ds_cnn"), handmade.float_reference(8))
    _lay_package(
        CORE_ML, _package("float16", op("fold", {"x": "image"}, folded=real(1, 1, 32, 32)))
    )
    with pytest.raises(CoverageError) as refused:
        _validated_off_a_mac(CORE_ML)
    assert str(refused.value) == (
        f"validate {CORE_ML}-ios: the ML Program executor does not cover:\n"
        "  fold: the operator, operation 1 of 7, output 'folded'\n"
        f"it covers: {listed(supported_operators())}"
    )
    assert not artifacts.folder("validate", f"{CORE_ML}-ios", "ios").exists()
    assert list(artifacts.PARTIAL.iterdir()) == []


def test_a_file_that_does_not_answer_with_numbers_is_refused_by_its_operator(params: Path) -> None:
    alone.lay(artifacts.folder("train", "digits-ds_cnn"), handmade.float_reference(8))
    model = {"model.onnx": handmade.constant_onnx(3, np.nan)}
    inspection = json.dumps(inspect(model).to_dict()).encode()
    alone.lay(
        artifacts.folder("convert", ONNX),
        {"files/model.onnx": model["model.onnx"], "inspection.json": inspection},
    )
    with pytest.raises(ConversionError) as refused:
        alone.run("validate", f"{ONNX}-linux")
    assert str(refused.value) == (
        f"artifacts/convert/{ONNX}/files/model.onnx: ONNX Runtime answers NaN or infinity for 540 "
        "of 540 examples; the first value that is not finite is of Gemm 'probabilities'; expected "
        "finite numbers: replace what computes them, or take another scheme or runtime"
    )
    assert not artifacts.folder("validate", f"{ONNX}-linux", "linux").exists()


class Apple:
    """Stands for Apple's runtime: predicts 3, and 7 on the Neural Engine without the GPU."""

    def __init__(self, _: dict[str, bytes], way: str) -> None:
        self._answer = 7 if way == "cpu_and_neural_engine" else 3

    def feed(self, example: Feeds) -> None:
        image = example["image"]
        assert (image.dtype.name, image.shape) == ("uint8", (1, 32, 32, 1))

    def invoke(self) -> None:
        """Do nothing: its answer is always the same."""

    def read(self) -> dict[str, NDArray[np.float32]]:
        return {"probabilities": np.eye(10, dtype=np.float32)[[self._answer]]}


def test_core_ml_on_a_mac_is_measured_and_timed_for_each_choice_of_compute_units(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[TimingRequest] = []

    def measured(job: TimingRequest) -> TimingResult:
        jobs.append(job)
        return TimingResult(
            {"latency_p90_ms": Measurement(0.25, "ms", "host")}, latencies_ms=[0.25]
        )

    local_sessions.run_here(monkeypatch)
    monkeypatch.setattr(core_ml_run, "_on_a_mac", lambda: True)
    monkeypatch.setattr(apple, "AppleSession", Apple)
    monkeypatch.setattr(host, "measure", measured)
    alone.lay(artifacts.folder("train", "digits-ds_cnn"), handmade.float_reference(8))
    _lay_package(CORE_ML, PROGRAM)
    ran = alone.run("validate", f"{CORE_ML}-ios")
    metrics = ran.json("report.json")["metrics"]
    expected = {
        "accuracy": 55 / 540,
        "accuracy_cpu_only": 55 / 540,
        "agreement_cpu_only": 1.0,
        "accuracy_cpu_and_neural_engine": 54 / 540,
        "agreement_cpu_and_neural_engine": 0.0,
    }
    assert {name: metrics[name]["value"] for name in expected} == expected
    assert {metrics[name]["where"] for name in expected} == {"host"}
    (timed,) = jobs
    assert (timed.runtime, timed.baseline) == (
        "coreml",
        None,
    )  # no gate of the target asks for a speedup
    assert metrics["speedup"]["value"] is None
    assert timed.modes == tuple(apple.UNITS)
    assert ran.line == "accuracy 0.1019, p90 0.250 ms on this host"


def test_every_budgeted_metric_is_in_every_report(ran: Ran, core_ml: Ran, planned: Plan) -> None:
    budget = planned["package"]["linux"]["targets"]["raspberry_pi_5"]["budget"]
    gates = budget.keys() - SPECIAL.keys() - {"metrics"}  # which holds gates of other tasks
    assert gates
    for found in (ran, core_ml):
        assert gates <= set(found.json("report.json")["metrics"])


@pytest.mark.parametrize(
    "damaged",
    [f"convert/{ONNX}/files/model.onnx", "train/digits-ds_cnn/float/model.tflite"],
    ids=["converted", "float"],
)
def test_a_file_that_is_not_what_was_written_is_not_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    monkeypatch.chdir(folder)
    file = artifacts.ROOT / damaged
    whole = file.read_bytes()
    file.write_bytes(handmade.constant_onnx(4))
    try:
        with pytest.raises(
            ArtifactError, match=f"{file}: not what {damaged.split('/', maxsplit=1)[0]} wrote"
        ):
            alone.run("validate", f"{ONNX}-linux")
    finally:
        file.write_bytes(whole)
