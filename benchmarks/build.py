"""Measure the time of builds: DVC, separate stages and caches against one process without DVC.

    python -m benchmarks.build [--repeats N]

Each repeat clones the last commit into two empty folders: in one, benchmarks/straight_line.py
builds the release; in the other, `dvc repro` does, and what follows is measured there. The medians
are printed, and that both built the same bundles; where they did not, the exit code is 1.

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
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgebake.bundle.trust import git

ROOT = Path(__file__).parents[1]
BOARD = "benchmark_board"  # a name for the target that is added, and its device
BUDGET = "\nvalidate:\n  budget:\n    size_mb: { at_most: 1 }\n"


def main() -> None:
    """Measure every scenario and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    runs = [one_round() for _ in range(repeats)]
    seconds = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    console = Console(width=120)
    console.print(table(seconds, repeats))
    console.print("straight line and cold build: the same bundles, byte for byte")


def one_round() -> dict[str, float]:
    """Return the seconds of each scenario, in two clones of its own."""
    repro = [sys.executable, "-m", "dvc", "repro"]
    edgebake = [sys.executable, "-m", "edgebake"]
    with tempfile.TemporaryDirectory() as temporary:
        straight, clone = cloned(Path(temporary), "straight"), cloned(Path(temporary), "cold")
        seconds = {
            "straight line": timed(
                lambda: run([sys.executable, "-m", "benchmarks.straight_line"], straight)
            ),
            "cold": timed(lambda: run(repro, clone)),
        }
        refuse_other_bundles(bundles(straight), bundles(clone))
        return seconds | {
            "nothing changed": timed(lambda: run(repro, clone)),
            "one value of quantize": after(lambda: edit_quantize(clone), lambda: run(repro, clone)),
            "one more target": after(
                lambda: add_target(clone), lambda: run([*edgebake, "build"], clone)
            ),
            "edgebake plan": timed(lambda: run([*edgebake, "plan"], clone)),
            "edgebake --help": timed(lambda: run([*edgebake, "--help"], clone)),
            "dvc's own start": timed(lambda: run([sys.executable, "-m", "dvc", "status"], clone)),
        }


def cloned(folder: Path, name: str) -> Path:
    """Return a clone of the project's last commit."""
    git.run("clone", "--quiet", str(git.top(ROOT)), str(folder / name))
    return folder / name / git.prefix(ROOT)  # the project may lie below the top of its repository


def bundles(clone: Path) -> dict[str, str]:
    """Return the sha256 of each platform's bundle, by the name of its zip."""
    zips = sorted((clone / "artifacts" / "package").glob("*.zip"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in zips}


def refuse_other_bundles(straight: dict[str, str], cold: dict[str, str]) -> None:
    """Exit where the two ways to build made different bundles, and so did different work."""
    names = sorted(straight.keys() | cold.keys())
    differing = [name for name in names if straight.get(name) != cold.get(name)]
    if differing:
        sys.exit(
            f"{', '.join(differing)}: the straight line and the cold build made different bytes"
        )
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
    # Before the target that every machine takes, behind which no other would be anybody's first.
    replace(recipes / "release.yaml", "  - linux_any", f"  - {BOARD}\n  - linux_any")


def replace(file: Path, old: str, new: str) -> None:
    """Replace a part of a recipe; exit where it is not there."""
    text = file.read_text()
    if old not in text:
        sys.exit(f"{file}: no {old!r}; expected the recipe that this benchmark edits")
    file.write_text(text.replace(old, new))


def after(edit: Callable[[], None], build: Callable[[], None]) -> float:
    """Return the seconds of a build that follows an edit."""
    edit()
    return timed(build)


def timed(call: Callable[[], None]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
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
    found = Table(
        "scenario", "seconds", "to straight line", "to cold", title=f"medians of {repeats}"
    )
    for name, value in seconds.items():
        to_straight, to_cold = value / seconds["straight line"], value / seconds["cold"]
        found.add_row(name, f"{value:.1f}", f"{to_straight:.2f}", f"{to_cold:.3f}")
    return found


if __name__ == "__main__":
    main()
