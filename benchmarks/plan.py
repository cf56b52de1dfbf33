"""Measure what planning costs as the number of targets grows.

    python -m benchmarks.plan [--targets 5 8 20 50 200] [--repeats 3]

Each release has boards like raspberry_pi_5, each with a processor and a budget of its own, which
share five variants of `validate`; the last target is linux_any. Times are CPU seconds of the whole
command, Python's own start and imports included; medians. They are compared with the smallest
release.

`first` plans in a folder that has planned nothing yet, `edited` after one value of a recipe of
every target was edited, `unchanged` after nothing was, and `in the build` is the stage `plan` of
dvc.yaml, right after `edgebake plan` as in `edgebake build`.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SIZES = (5, 8, 20, 50, 200)
# Options of `quantize` that the targets take in turn: as many variants as there are options.
SCHEMES = ("int8", "dynamic", "int8_per_tensor", "none", "int4_weights")
BOARD = "raspberry_pi_5"
LAST_TARGET = "linux_any"
EPOCHS = "epochs: 30"


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--targets", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    medians: dict[int, dict[str, float]] = {}
    for size in arguments.targets:
        rounds = [measure_round(size) for _ in range(arguments.repeats)]
        medians[size] = {}
        for scenario in rounds[0]:
            medians[size][scenario] = statistics.median(seconds[scenario] for seconds in rounds)
    Console(width=120).print(table(medians, arguments.repeats))


def measure_round(size: int) -> dict[str, float]:
    """Return the CPU seconds of each scenario with a number of targets, in a new project."""
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        write_project(project, size)
        seconds = {"first": planning_seconds(project)}
        seconds["in the build"] = planning_seconds(project, "--in-repro")
        seconds["unchanged"] = planning_seconds(project)
        file = project / "recipes/train/scratch.yaml"
        file.write_text(file.read_text().replace(EPOCHS, "epochs: 31"))
        seconds["edited"] = planning_seconds(project)
        return seconds


def write_project(project: Path, size: int) -> None:
    """Write the inputs of `edgebake plan` for a release of a number of targets."""
    shutil.copytree(ROOT / "recipes", project / "recipes")
    shutil.copy(ROOT / "dvc.yaml", project)
    names = [write_target(project / "recipes", number) for number in range(size - 1)]
    names.append(LAST_TARGET)
    release = project / "recipes/release.yaml"
    text, _, _ = release.read_text().partition("\ntargets:\n")
    entries = "".join(f"  - {name}\n" for name in names)
    release.write_text(f"{text}\ntargets:\n{entries}")


def write_target(recipes: Path, number: int) -> str:
    """Write a target for a board with a processor and a budget of its own; return its name."""
    name = f"board_{number:03}"
    device = (recipes / f"device/{BOARD}.yaml").read_text()
    device = device.replace("soc: [BCM2712]", f"soc: [BOARD{number}]")
    (recipes / f"device/{name}.yaml").write_text(device)
    target = (recipes / f"target/{BOARD}.yaml").read_text()
    target = target.replace(f"/device: {BOARD}", f"/device: {name}")
    target = target.replace("/quantize: int8", f"/quantize: {SCHEMES[number % len(SCHEMES)]}")
    limit = 1 + number / 1000
    target += f"\nvalidate:\n  budget:\n    size_mb: {{ at_most: {limit} }}\n"
    (recipes / f"target/{name}.yaml").write_text(target)
    return name


def planning_seconds(project: Path, *options: str) -> float:
    """Return the CPU seconds of `edgebake plan` in a project; exit if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "pipeline")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile the package
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "edgebake", "plan", *options],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"edgebake plan failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(medians: dict[int, dict[str, float]], repeats: int) -> Table:
    """Return a row per number of targets with the seconds of each scenario, and their ratios."""
    smallest = medians[min(medians)]
    rows = Table("targets", *smallest, title=f"CPU seconds, medians of {repeats}, and ratios")
    for size, seconds in medians.items():
        cells = []
        for scenario, value in seconds.items():
            cells.append(f"{value:.2f} ({value / smallest[scenario]:.2f})")
        rows.add_row(str(size), *cells)
    return rows


if __name__ == "__main__":
    main()
