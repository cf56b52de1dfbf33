"""A model of an input that is no image, of a kind that a project brings, is trained.

Guards that no stage before the conversion takes every input for an image.
Slow: it trains twice.
"""

from pathlib import Path

import pytest
import yaml

from edgebake.cli.main import main
from edgebake.tasks import contract
from tests import level_input
from tests.stages import alone


def _plan(project: Path, dtype: str, task: str) -> dict[str, str]:
    """Plan a release; return the variant of each stage of its first target."""
    for name, text in level_input.files(dtype, task).items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert main(["plan"]) == 0
    plan = yaml.safe_load((project / "params.yaml").read_text())
    return {stage: next(iter(plan[stage])) for stage in STAGES}


STAGES = ("data", "train", "prune", "quantize", "convert", "validate")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("dtype", "task", "score"),
    [("float32", "classification", "accuracy"), ("int32", "rising", "macro_f1")],
)
def test_a_model_of_levels_goes_through_every_stage(
    project: Path, dtype: str, task: str, score: str
) -> None:
    variants = _plan(project, dtype, task)
    assert "120 examples of 2 classes" in alone.run("data", variants["data"]).line
    trained = alone.run("train", variants["train"])
    assert trained.json("metrics.json")["validation_accuracy"] > 0.9
    made = contract.from_json((trained.folder / "contract.json").read_text())
    assert made.single_input.tensor.shape == (8,)
    assert made.single_input.tensor.dtype == dtype
    assert made.task == task
    assert made.labels == ["falls", "rises"]
    for stage in ("prune", "quantize"):
        alone.run(stage, variants[stage])
    converted = alone.run("convert", variants["convert"])
    assert "answers as the model for 24 of 24 validation examples" in converted.line
    stored = converted.json("inspection.json")["input"]["dtype"]
    assert stored == {"float32": "int8", "int32": "int32"}[dtype]
    validated = alone.run("validate", variants["validate"])
    assert validated.json("report.json")["metrics"][score]["value"] > 0.9
