"""What DVC, stages and caches cost and save, as ratios to doing the same work in one process, in one run.

    python benchmarks/build.py [--repeats N]

Each repeat clones the last commit into an empty folder. The medians are printed.
"""

import argparse
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

from pipeline import git

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure every scenario and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    runs = [one_round() for _ in range(repeats)]
    seconds = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    Console(width=120).print(table(seconds, repeats))


def one_round() -> dict[str, float]:
    """Return the seconds of each scenario, in a clone of its own."""
    with tempfile.TemporaryDirectory() as folder:
        git.run("clone", "--quiet", str(git.top(ROOT)), f"{folder}/clone")
        clone = Path(folder) / "clone" / git.prefix(ROOT)  # the project may lie below the top of its repository
        straight = [sys.executable, str(clone / "benchmarks" / "straight_line.py"), folder]
        repro = [sys.executable, "-m", "dvc", "repro"]
        return {
            "straight line": timed(lambda: run(straight, clone)),
            "cold": timed(lambda: run(repro, clone)),
            "nothing changed": timed(lambda: run(repro, clone)),
            "one value of quantize": after(lambda: edit_quantize(clone), lambda: run(repro, clone)),
            "fifth target, other budget": after(lambda: add_target(clone), lambda: run([*edgebake(), "build"], clone)),
            "edgebake plan": timed(lambda: run([*edgebake(), "plan"], clone)),
            "edgebake --help": timed(lambda: run([*edgebake(), "--help"], clone)),
            "dvc's own start": timed(lambda: run([sys.executable, "-m", "dvc", "status"], clone)),
        }


def edgebake() -> list[str]:
    """Return how to start edgebake with the clone's own code."""
    return [sys.executable, "-m", "pipeline"]


def edit_quantize(clone: Path) -> None:
    """Calibrate on 150 examples instead of 100."""
    recipe = clone / "recipes" / "quantize" / "int8.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace("examples: 100", "examples: 150"))


def add_target(clone: Path) -> None:
    """Release a fifth target that differs from pixel_8 in its budget alone."""
    pixel = (clone / "recipes" / "target" / "pixel_8.yaml").read_text()
    strict = f"{pixel}\nvalidate:\n  budget:\n    size_mb: {{ at_most: 1 }}\n"
    (clone / "recipes" / "target" / "pixel_8_strict.yaml").write_text(strict)
    release = clone / "recipes" / "release.yaml"
    release.write_text(f"{release.read_text().rstrip()}\n  - pixel_8_strict\n")


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
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def table(seconds: dict[str, float], repeats: int) -> Table:
    """Return a row per scenario with its ratios to the straight line and to the cold build."""
    found = Table("scenario", "seconds", "to straight line", "to cold", title=f"medians of {repeats}")
    for name, value in seconds.items():
        to_straight, to_cold = value / seconds["straight line"], value / seconds["cold"]
        found.add_row(name, f"{value:.1f}", f"{to_straight:.2f}", f"{to_cold:.3f}")
    return found


if __name__ == "__main__":
    main()
