"""Small recipes of signals and texts go through every stage to files of all three runtimes.

Guards that a model of windows and one of ids convert, in float and in int8; `convert` refuses a
file that answers otherwise than Keras.
Slow: it trains two small networks for two epochs and converts each six times.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.cli.main import main
from edgebake.recipe import stage_params
from tests.stages import alone

pytestmark = pytest.mark.slow

DEVICES = ("pixel_8", "android_any", "iphone_15", "ios_any", "raspberry_pi_5", "linux_any")
SMALL = {
    "gestures": ("gestures", {"people": 16, "windows": 2}),
    "language": ("django_translations", {"languages": ["de", "fr", "hu"], "messages": 200}),
}
INPUTS = {"gestures": ("signal", [1, 128, 6]), "language": ("text", [1, 96])}


def rewrite(file: Path, **changes: Any) -> None:
    content = yaml.safe_load(file.read_text())
    content.update(changes)
    file.write_text(yaml.safe_dump(content))


def plan_small(project: Path, task: str) -> None:
    """Plan a release of one task with few examples and two epochs."""
    data, options = SMALL[task]
    rewrite(project / f"recipes/data/{data}.yaml", source_options=options)
    rewrite(project / f"recipes/train/{task}.yaml", epochs=2)
    targets = [f"{task}_{device}" for device in DEVICES]
    calibration = {"method": "min_max", "samples": 16, "seed": 0}
    rewrite(project / "recipes/quantize/int8.yaml", calibration=calibration)
    card = {"intended_use": ["Trying out."], "limits": ["It has hardly learned."]}
    release = project / "recipes/release.yaml"
    rewrite(release, targets=targets, description="A trial.", card=card)
    budget = project / f"recipes/validate/{task}.yaml"
    content = yaml.safe_load(budget.read_text())
    for gate in content["budget"].values():
        if "at_least" in gate:
            gate["at_least"] = 0.01
        else:
            gate["at_most"] = 0.99
    content["budget"]["parity"] = {"margin": 0.99, "at_least": None, "required": False}
    budget.write_text(yaml.safe_dump(content))
    assert main(["plan"]) == 0


@pytest.mark.parametrize("task", ["gestures", "language"])
def test_a_small_recipe_becomes_files_that_answer_as_keras(project: Path, task: str) -> None:
    plan_small(project, task)
    plan = stage_params.read_plan()
    for stage in ("data", "train", "prune", "quantize", "convert"):
        for variant in plan.get(stage, {}):
            alone.run(stage, variant)
    name, shape = INPUTS[task]
    folders = sorted((project / "artifacts/convert").iterdir())
    assert len(folders) == len(DEVICES)
    for folder in folders:
        inspection = json.loads((folder / "inspection.json").read_text())
        tensor = inspection["input"]
        assert tensor["name"] == name
        assert tensor["shape"] == shape
        # Ids are never quantized.
        if task == "language":
            assert tensor["dtype"] == "int32"
