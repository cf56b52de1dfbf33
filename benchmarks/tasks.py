"""Build a release and print, per target, what its task and its number formats cost.

    python -m benchmarks.tasks [--release release_tasks] [--targets NAME ...] [--epochs N]

Clones the last commit into an empty folder and builds the release there. Each row has the
parameters of the model, the accuracy of the trained model and of the file that ships, the loss that
the gate proves, the size of the file, and the seconds of training; the seconds of every stage that
a model needs are added up below, as if they ran one after the other.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgebake import artifacts
from edgebake.bundle.trust import git
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.execution import durations
from edgebake.recipe import stage_params
from edgebake.recipe.lineage import trace

ROOT = Path(__file__).parents[1]
COLUMNS = ("target", "runtime", "parameters", "Keras", "file", "loss at most", "kB", "train s")
SHARED_STAGES = ("plan", "revision", "parity", "package", "proof")  # of all models together


def main() -> None:
    """Build the release in a new clone and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", default="release_tasks", metavar="NAME")
    parser.add_argument("--targets", nargs="+", metavar="NAME", help="of the release; default: all")
    parser.add_argument("--epochs", type=int, help="train so long, to try the benchmark itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        git.run("clone", "--quiet", str(git.top(ROOT)), f"{folder}/release")
        clone = Path(folder, "release") / git.prefix(ROOT)
        if arguments.epochs:
            shorten(clone, arguments.epochs)
        if arguments.targets:
            keep_targets(clone / "recipes" / f"{arguments.release}.yaml", arguments.targets)
        is_built = build(clone, arguments.release)
        os.chdir(clone)
        console = Console(width=120)
        console.print(table())
        for model, seconds in sorted(seconds_of_models().items()):
            console.print(f"{model}: {seconds:.0f} s, one stage after the other")
    if not is_built:
        sys.exit("a stage failed, or a gate was missed: see above")


def keep_targets(file: Path, targets: list[str]) -> None:
    """Release these targets alone."""
    head, _, _ = file.read_text().partition("\ntargets:\n")
    file.write_text(f"{head}\ntargets: [{', '.join(targets)}]\n")


def shorten(clone: Path, epochs: int) -> None:
    """Let every training recipe train for a number of epochs."""
    for file in sorted((clone / "recipes/train").glob("*.yaml")):
        lines = file.read_text().splitlines()
        shortened = [_shortened(line, epochs) for line in lines]
        file.write_text("\n".join(shortened) + "\n")


def _shortened(line: str, epochs: int) -> str:
    key, separator, _ = line.partition("epochs:")
    return f"{key}epochs: {epochs}" if separator and not key.strip() else line


def build(clone: Path, release: str) -> bool:
    """Build a release, showing its progress; return whether every stage and gate passed."""
    command = [sys.executable, "-m", "edgebake", "build", "--release", release]
    environment = {**os.environ, "PYTHONPATH": str(clone / "pipeline")}
    completed = subprocess.run(command, cwd=clone, env=environment, check=False)
    return completed.returncode == 0


def table() -> Table:
    """Return a row for each target of the current folder's release that was validated."""
    rows = Table(*COLUMNS)
    plan = stage_params.read_plan()
    seconds = durations.read()
    for platform in plan["package"]:
        for name, target in stage_params.read("package", platform).targets.items():
            train = trace(plan, target.validate)["validate"]["train"]
            metrics = artifacts.folder("train", train) / "metrics.json"
            folder = artifacts.folder("validate", target.validate, platform)
            if not (folder / "report.json").is_file():
                rows.add_row(name, target.runtime, "not built")
                continue
            judgment = judge(target, platform)
            parameters = json.loads(metrics.read_text())["parameters"]
            numbers = [
                f"{parameters:,}",
                _share(judgment, "float_accuracy"),
                _share(judgment, "accuracy"),
                _proven_loss(judgment),
                _kilobytes(judgment),
                f"{seconds.get(f'train@{train}', 0):.0f}",
            ]
            rows.add_row(name, target.runtime, *numbers)
    return rows


def _share(judgment: Judgment, metric: str) -> str:
    value = judgment.evidence.metrics[metric].value
    return "-" if value is None else f"{value:.2%}"


def _proven_loss(judgment: Judgment) -> str:
    """Return the upper bound of the accuracy that is lost, in points, and the verdict on it."""
    for decision in judgment.decisions:
        if decision.gate == "accuracy_drop" and decision.bound is not None:
            return f"{100 * decision.bound:.2f} points, {decision.verdict.value}"
    return "no gate"


def _kilobytes(judgment: Judgment) -> str:
    size = judgment.evidence.metrics["size_mb"].value
    return "-" if size is None else f"{1000 * size:.1f}"


def seconds_of_models() -> dict[str, float]:
    """Return the seconds of all stages of each trained model, by the name of its training."""
    plan = stage_params.read_plan()
    trainings = sorted(plan["train"], key=len, reverse=True)
    seconds: dict[str, float] = defaultdict(float)
    for task, duration in durations.read().items():
        stage, _, variant = task.partition("@")
        if stage in SHARED_STAGES:
            continue
        matching = [name for name in trainings if variant.startswith(name)]
        if stage == "data":
            matching = [name for name in trainings if name.startswith(variant)]
        if matching:
            seconds[matching[0]] += duration
    return seconds


if __name__ == "__main__":
    main()
