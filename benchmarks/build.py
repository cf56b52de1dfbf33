"""Measure the time of builds: stages side by side and caches against one process without DVC.

    python -m benchmarks.build [--repeats N]

Each repeat clones the last commit into three empty folders: in one, benchmarks/straight_line.py
builds the release; in another, `edgebake build --jobs 2` does, and what follows is measured there;
in the last, two workers of a local Dask cluster do. The medians are printed, and that all built the
same bundles; where they did not, the exit code is 1.

Imports are a large share of a cold build. With PYTHONDONTWRITEBYTECODE set, and no byte code
installed, each process compiles TensorFlow again, the straight line only once.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgebake.bundle.trust import git

ROOT = Path(__file__).parents[1]
BOARD = "benchmark_board"  # name of the added target and of its device
BUDGET = "\nvalidate:\n  budget:\n    size_mb: { at_most: 1 }\n"


def main() -> None:
    """Measure every scenario and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    rounds = [measure_round() for _ in range(repeats)]
    medians = {}
    for name in rounds[0]:
        medians[name] = statistics.median(seconds[name] for seconds in rounds)
    console = Console(width=120)
    console.print(table(medians, repeats))
    console.print("the straight line and both cold builds: the same bundles, byte for byte")


def measure_round() -> dict[str, float]:
    """Return the seconds of each scenario, measured in two new clones."""
    edgebake = [sys.executable, "-m", "edgebake"]
    build = [*edgebake, "build", "--jobs", "2"]
    with tempfile.TemporaryDirectory() as temporary:
        straight = clone_project(Path(temporary), "straight")
        clone = clone_project(Path(temporary), "cold")
        seconds = {}
        straight_line = [sys.executable, "-m", "benchmarks.straight_line"]
        seconds["straight line"] = timed_run(straight_line, straight)
        seconds["cold"] = timed_run(build, clone)
        check_same_bundles(bundles(straight), bundles(clone))
        seconds["nothing changed"] = timed_run(build, clone)
        edit_quantize(clone)
        seconds["one value of quantize"] = timed_run(build, clone)
        add_target(clone)
        seconds["one more target"] = timed_run(build, clone)
        seconds["edgebake plan"] = timed_run([*edgebake, "plan"], clone)
        seconds["edgebake --help"] = timed_run([*edgebake, "--help"], clone)
        seconds["dvc status"] = timed_run([sys.executable, "-m", "dvc", "status"], clone)
        cluster = clone_project(Path(temporary), "cluster")
        seconds["cold, two workers"] = timed_run([*build, "--cluster", "local"], cluster)
        check_same_bundles(bundles(straight), bundles(cluster))
        return seconds


def clone_project(folder: Path, name: str) -> Path:
    """Clone the project's last commit."""
    git.run("clone", "--quiet", str(git.top(ROOT)), str(folder / name))
    return folder / name / git.prefix(ROOT)  # the project may lie below the top of its repository


def bundles(clone: Path) -> dict[str, str]:
    """Return the sha256 of each platform's bundle, by the name of its zip."""
    zips = sorted((clone / "artifacts" / "package").glob("*.zip"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in zips}


def check_same_bundles(straight: dict[str, str], cold: dict[str, str]) -> None:
    """Exit if the two builds made different bundles, and so did different work."""
    names = sorted(straight.keys() | cold.keys())
    differing = [name for name in names if straight.get(name) != cold.get(name)]
    if differing:
        sys.exit(f"{', '.join(differing)}: the straight line and the build made different bytes")
    if not cold:
        sys.exit("artifacts/package/: no zip; expected one per platform of recipes/release.yaml")


def edit_quantize(clone: Path) -> None:
    """Calibrate on 150 samples instead of 100."""
    replace(clone / "recipes" / "quantize" / "int8.yaml", "samples: 100", "samples: 150")


def add_target(clone: Path) -> None:
    """Release one more target: a board like raspberry_pi_5, with a budget of its own."""
    recipes = clone / "recipes"
    device = recipes / "device" / f"{BOARD}.yaml"
    target = recipes / "target" / f"{BOARD}.yaml"
    device.write_text((recipes / "device" / "raspberry_pi_5.yaml").read_text())
    replace(device, "soc: [BCM2712]", "soc: [BCM2711]")
    target.write_text((recipes / "target" / "raspberry_pi_5.yaml").read_text() + BUDGET)
    replace(target, "/device: raspberry_pi_5", f"/device: {BOARD}")
    # Before linux_any: targets after the one that runs on every device are unreachable.
    replace(recipes / "release.yaml", "  - linux_any", f"  - {BOARD}\n  - linux_any")


def replace(file: Path, old: str, new: str) -> None:
    """Replace a part of a recipe; exit if it is missing."""
    text = file.read_text()
    if old not in text:
        sys.exit(f"{file}: no {old!r}; expected the recipe that this benchmark edits")
    file.write_text(text.replace(old, new))


def timed_run(command: list[str], folder: Path) -> float:
    """Run a command and return the seconds that it took."""
    start = time.perf_counter()
    run(command, folder)
    return time.perf_counter() - start


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder with this environment's Python first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder / "pipeline")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def table(seconds: dict[str, float], repeats: int) -> Table:
    """Return a row per scenario with its ratios to the straight line and to the cold build."""
    columns = ("scenario", "seconds", "to straight line", "to cold")
    rows = Table(*columns, title=f"medians of {repeats}")
    for name, value in seconds.items():
        to_straight = f"{value / seconds['straight line']:.2f}"
        to_cold = f"{value / seconds['cold']:.3f}"
        rows.add_row(name, f"{value:.1f}", to_straight, to_cold)
    return rows


if __name__ == "__main__":
    main()
