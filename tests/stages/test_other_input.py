"""A model of an input that is no image, of a kind that a project brings, gets into a bundle.

Guards that no stage takes every input for an image, or every score for an accuracy.
Slow: it trains twice, and packages four files.
"""

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from edgebake import artifacts
from edgebake.cli import gate, table
from edgebake.cli.main import main
from edgebake.recipe.stage_params import Plan, read_plan
from edgebake.stages import parity
from edgebake.tasks import contract
from tests import level_input
from tests.stages import alone

ROOT = Path(__file__).parents[2]
LINUX = "linux"

pytestmark = pytest.mark.slow


def _plan(project: Path, dtype: str, task: str) -> Plan:
    """Plan a release of two targets, and lay out what `package` reads beside the stages."""
    for name, text in level_input.files(dtype, task).items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert main(["plan"]) == 0
    shutil.copytree(ROOT / "LICENSES", project / "LICENSES")
    revision = artifacts.ROOT / "revision" / f"{LINUX}.json"
    artifacts.write(revision, json.dumps(alone.REVISION).encode())
    return read_plan()


@pytest.mark.parametrize(
    ("dtype", "task", "score"),
    [("float32", "classification", "accuracy"), ("int32", "rising", "macro_f1")],
)
def test_a_model_of_levels_goes_through_every_stage_and_into_a_bundle(
    project: Path, dtype: str, task: str, score: str
) -> None:
    plan = _plan(project, dtype, task)
    (examples,) = plan["data"]
    assert "120 examples of 2 classes" in alone.run("data", examples).line
    (network,) = plan["train"]
    trained = alone.run("train", network)
    assert trained.json("metrics.json")["validation_accuracy"] > 0.9
    made = contract.from_json((trained.folder / "contract.json").read_text())
    assert made.single_input.tensor.shape == (8,)
    assert made.single_input.tensor.dtype == dtype
    assert made.task == task
    assert made.labels == ["falls", "rises"]
    for stage in ("prune", "quantize"):
        for variant in plan.get(stage, {}):
            alone.run(stage, variant)
    stored = set()
    for variant in plan["convert"]:
        converted = alone.run("convert", variant)
        assert "answers as the model for 24 of 24 validation examples" in converted.line
        stored.add(converted.json("inspection.json")["input"]["dtype"])
    assert stored == {"float32": {"int8", "float32"}, "int32": {"int32"}}[dtype]
    for variant in plan["validate"]:
        validated = alone.run("validate", variant)
        assert validated.line.startswith(f"{score} ")
        assert validated.json("report.json")["metrics"][score]["value"] > 0.9
    parity.write()
    assert alone.run("package", LINUX).line == "2 targets, artifacts/package/linux.zip"
    _check_bundle(task, score)
    _check_gates(score)
    _check_table(score)
    if task == "rising":
        _check_own_metric()


def _check_own_metric() -> None:
    """Check that a metric that the project's task brings is gated, and changed by an override."""
    bundle = artifacts.folder("package", LINUX)
    target = json.loads((bundle / "manifest.json").read_text())["targets"]["small"]
    assert [entry["gate"] for entry in target["gates"]][-2:] == [
        "surely_right",
        "surely_right_drop",
    ]
    stream = io.StringIO()
    strict = "validate.budget.metrics.surely_right.inconclusive=blocks"
    limit = "validate.budget.metrics.surely_right.at_least=0.999"
    assert not gate.gate("small", [strict, limit], Console(file=stream, width=200))
    shown = " ".join(stream.getvalue().split())
    assert "small surely_right at least 0.999" in shown


def _check_bundle(task: str, score: str) -> None:
    bundle = artifacts.folder("package", LINUX)
    content = json.loads((bundle / "manifest.json").read_text())
    assert content["schema"] == "edgebake.manifest/2"
    for target in content["targets"].values():
        assert target["task"] == task
        assert {score, f"float_{score}", f"{score}_drop"} <= set(target["metrics"])
        assert ("accuracy" in target["metrics"]) == (task == "classification")
        gates = [entry["gate"] for entry in target["gates"]]
        assert gates[:3] == ["accuracy", "accuracy_drop", "class_accuracy"]
    assert score in (bundle / "MODEL_CARD.md").read_text()


def _check_gates(score: str) -> None:
    """Check that `edgebake gate` decides by the score, and says so of the class that is worst."""
    stream = io.StringIO()
    assert gate.gate("small", [], Console(file=stream, width=200))
    shown = stream.getvalue()
    assert "small, class_accuracy: worst is " in shown
    strict = "validate.budget.accuracy.inconclusive=blocks"
    assert not gate.gate(
        "small", [strict, "validate.budget.accuracy.at_least=0.99"], Console(file=stream)
    )


def _check_table(score: str) -> None:
    stream = io.StringIO()
    table.show(Console(file=stream, soft_wrap=True))
    lines = stream.getvalue().splitlines()
    assert any(line.split()[:4] == ["target", "runtime", score, "float"] for line in lines)
    assert f"{score}: the file that ships, on the test split; on `host` in its own runtime" in lines
    (row,) = (line.split() for line in lines if line.split()[:2] == ["small", "litert"])
    assert row[2].endswith("%")
    assert row[3].endswith("%")
