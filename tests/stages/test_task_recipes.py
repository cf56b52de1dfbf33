"""Small recipes of sounds, signals and texts become files of all three runtimes, and a bundle.

Guards that a model of a spectrum, one of windows and one of ids convert, in float and in int8:
`convert` refuses a file that answers otherwise than Keras. The files of sounds for Linux go on to a
bundle whose sample answers the golden vectors.
Slow: it trains three small networks and converts each six times.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake import artifacts
from edgebake.cli.main import main
from edgebake.recipe import stage_params
from tests import measured
from tests.stages import alone

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEVICES = ("pixel_8", "android_any", "iphone_15", "ios_any", "raspberry_pi_5", "linux_any")
PLATFORM = "linux"  # of the bundle
TIMING = {"warmup": 1, "runs": 200, "seconds": 0.01, "repeats": 1}
# Few examples prove next to nothing of a class or slice.
BUDGET: dict[str, Any] = {
    "accuracy": {"at_least": 0.01, "required": True},
    "accuracy_drop": {"at_most": 0.9, "required": True},
    "class_accuracy": None,
    "slice_accuracy": None,
    "speedup": None,
    "parity": None,
}
ALARMS = {"at_most": 100_000, "labels": ["silence", "unknown"], "required": True}


@dataclass(frozen=True)
class Small:
    """The recipe of a task with few examples, and what its files take."""

    data: str
    options: dict[str, Any]
    tensor: str
    shape: list[int]
    dtypes: set[str]
    epochs: int = 1


TASKS = {
    "commands": Small(
        "espeak",
        {
            "commands": ["yes", "stop"],
            "voices": 40,  # 10 speak in the test split, which makes 20 groups with those of noise
            "clips_of_command": 1,
            "clips_of_other_words": 1,
            "clips_of_silence": 1,
        },
        "audio",
        [1, 49, 40, 1],
        {"float32", "int8"},
        epochs=20,  # with fewer, no answer is sure enough for a golden vector
    ),
    "gestures": Small(
        "gestures", {"people": 16, "windows": 2}, "signal", [1, 128, 6], {"float32", "int8"}
    ),
    "language": Small(
        "django_translations",
        {"languages": ["de", "fr", "hu"], "messages": 200},
        "text",
        [1, 96],
        {"int32"},  # ids are never quantized
    ),
}


def rewrite(file: Path, **changes: Any) -> None:
    content = yaml.safe_load(file.read_text())
    content.update(changes)
    file.write_text(yaml.safe_dump(content))


def plan_small(project: Path, task: str) -> stage_params.Plan:
    """Plan a release of one task with few examples and epochs."""
    recipes = project / "recipes"
    small = TASKS[task]
    rewrite(recipes / f"data/{small.data}.yaml", source_options=small.options)
    rewrite(recipes / f"train/{task}.yaml", epochs=small.epochs, batch_size=8)
    calibration = {"method": "min_max", "samples": 8, "seed": 0}
    rewrite(recipes / "quantize/int8.yaml", calibration=calibration)
    targets = [f"{task}_{device}" for device in DEVICES]
    rewrite(recipes / "release_tasks.yaml", targets=targets)
    shutil.copy(recipes / "release_tasks.yaml", recipes / "release.yaml")
    rewrite(recipes / "validate/realtime.yaml", **TIMING)
    budget = dict(BUDGET)
    if task == "commands":
        budget["false_alarms_per_hour"] = ALARMS
    rewrite(recipes / f"validate/{task}.yaml", budget=budget)
    assert main(["plan"]) == 0
    return stage_params.read_plan()


@pytest.mark.parametrize("task", TASKS)
def test_a_small_recipe_becomes_files_that_answer_as_keras(project: Path, task: str) -> None:
    plan = plan_small(project, task)
    for stage in ("data", "train", "prune", "quantize", "convert"):
        for variant in plan.get(stage, {}):
            alone.run(stage, variant)
    folders = sorted((project / "artifacts/convert").iterdir())
    assert len(folders) == len(DEVICES)
    small = TASKS[task]
    dtypes = set()
    for folder in folders:
        inspection = json.loads((folder / "inspection.json").read_text())
        tensor = inspection["input"]
        assert tensor["name"] == small.tensor
        assert tensor["shape"] == small.shape
        dtypes.add(tensor["dtype"])
    assert dtypes == small.dtypes
    if task == "commands":
        package(plan)
        check_bundle(project)


def package(plan: stage_params.Plan) -> None:
    """Validate the files of a platform, and package them."""
    for variant, params in plan["validate"].items():
        if params["platform"] == PLATFORM:
            alone.run("validate", variant)
    shutil.copytree(ROOT / "LICENSES", "LICENSES")
    revision = json.dumps(alone.REVISION).encode()
    artifacts.write(artifacts.ROOT / f"revision/{PLATFORM}.json", revision)
    measured.lay_parity(PLATFORM, {})
    ran = alone.run("package", PLATFORM)
    assert ran.line == f"2 targets, artifacts/package/{PLATFORM}.zip"


def check_bundle(project: Path) -> None:
    """Check that the sample answers the golden vectors of every model."""
    packages = project / "artifacts/package"
    sample = packages / f"{PLATFORM}.samples/classify.py"
    bundle = packages / f"{PLATFORM}.zip"
    command = [sys.executable, "-I", str(sample), "--bundle", str(bundle), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    targets = ("commands_raspberry_pi_5", "commands_linux_any")
    assert done.stdout.splitlines() == [f"{name}: passes its golden vectors" for name in targets]
    manifest = json.loads((packages / PLATFORM / "manifest.json").read_text())
    for name in targets:
        target = manifest["targets"][name]
        vectors = json.loads((packages / PLATFORM / target["golden"]).read_text())
        assert len(vectors["examples"]) >= 2
        assert target["metrics"]["false_alarms_per_hour"]["value"] is not None
