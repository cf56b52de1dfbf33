"""Clones of the project in which the real commands are run, for the tests that build."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def environment(folder: Path) -> dict[str, str]:
    """Return environment variables: this `python`, the clone's own code, output without color."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {**os.environ, "PATH": path, "PYTHONPATH": str(folder / "pipeline"), "NO_COLOR": "1"}
    # A build starts 60 processes: without byte code each would compile the package again.
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    return settings


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a clone and return its exit code and output."""
    settings = environment(folder) | variables
    return subprocess.run(
        list(command), cwd=folder, env=settings, capture_output=True, text=True, check=False
    )


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, *arguments)


def edgebake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "edgebake", *arguments)


def repro(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "dvc", "repro", *arguments)


def snapshot(folder: Path) -> Path:
    """Return a repository with the current project, uncommitted edits included, in one commit."""
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in listed.split("\0"):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    run(folder, "git", "init", "--quiet")
    commit(folder, "The project")
    return folder


def clone(source: Path, folder: Path) -> Path:
    """Return a fresh clone of a repository in an empty folder."""
    done = run(source, "git", "clone", "--quiet", str(source), str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit everything, with an identity that needs no configuration of git."""
    run(folder, "git", "add", "--all")
    identity = {}
    for role in ("AUTHOR", "COMMITTER"):
        identity[f"GIT_{role}_NAME"] = "Test"
        identity[f"GIT_{role}_EMAIL"] = "test@localhost"
    bare = ("-c", "commit.gpgSign=false", "-c", f"core.hooksPath={os.devnull}")
    done = run(folder, "git", *bare, "commit", "--quiet", "--message", message, **identity)
    assert done.returncode == 0, done.stderr


def quicken(folder: Path) -> None:
    """Train for eight epochs on a quarter of the channels, without pruning and accuracy gates.

    With fewer epochs no prediction is confident enough for a golden vector.
    """
    edit(folder / "recipes/train/scratch.yaml", "epochs: 30", "epochs: 8")
    edit(folder / "recipes/release.yaml", "  - galaxy_a14\n", "")
    edit(folder / "recipes/model/ds_cnn.yaml", "width_multiplier: 1.0", "width_multiplier: 0.25")
    limits = {"accuracy": 0.95, "class_accuracy": 0.8, "speedup": 0.5}
    budget = folder / "recipes/validate/realtime.yaml"
    for gate, limit in limits.items():
        edit(budget, f"{gate}: {{ at_least: {limit}", f"{gate}: {{ at_least: 0")
    edit(budget, "    margin: 0.02", "    margin: 1")
    edit(budget, "accuracy_drop: { at_most: 0.02", "accuracy_drop: { at_most: 1")
    assert edgebake(folder, "plan").returncode == 0
    commit(folder, "Quick")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def ran(output: str) -> list[str]:
    """Return the stages that DVC ran, in order, without those that always run."""
    lines = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    return [stage for stage in lines if stage not in ("plan", "revision")]


def bundles(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file that ships, by its path."""
    package = folder / "artifacts/package"
    files = sorted(file for file in package.rglob("*") if file.is_file())
    # These and the proof, which quotes the measurements, differ from build to build.
    changing = (".log", ".measurements.json", ".gitignore")
    digests = {}
    for file in files:
        if not file.name.endswith(changing) and file.parent.suffix != ".proof":
            path = str(file.relative_to(package))
            digests[path] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


def manifest(folder: Path, platform: str) -> Any:
    """Return the manifest of the bundle that was built for a platform."""
    return json.loads((folder / f"artifacts/package/{platform}/manifest.json").read_text())


def untracked_outputs(folder: Path) -> list[Path]:
    """Return the files that a stage has published and that no output in dvc.lock contains."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    outputs = set()
    for stage in stages.values():
        outputs |= {Path(output["path"]) for output in stage.get("outs", [])}
    untracked = []
    for sums in folder.glob("artifacts/**/SHA256SUMS"):
        for file in sums.parent.rglob("*"):
            path = file.relative_to(folder)
            if file.is_file() and outputs.isdisjoint([path, *path.parents]):
                untracked.append(path)
    return untracked
