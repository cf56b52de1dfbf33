"""Build a bundle again from the commit that its provenance names, and compare bytes.

Reads the repository and DVC's cache of tracked data; builds in a temporary clone, which shares nothing else with it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from edgebake import artifacts
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import bundle_diff, git, provenance
from edgebake.bundle.trust.slsa_types import Statement
from edgebake.errors import HostError, ProofError
from edgebake.recipe.stage_params import PARAMS

DVC_YAML = Path("dvc.yaml")


def compare(bundle: Path, content: Manifest, statement: Statement) -> str:
    """Rebuild, and return that every byte is the same.

    Raises:
        ProofError: it was built from a changed working tree, it does not build, or it comes out different.
        HostError: this repository does not have the commit, or not the encryption key.
    """
    if content["source"]["dirty"]:
        raise ProofError(
            "built from a working tree that differs from its commit: nobody can build it again; expected a clean one"
        )
    commit, platform = provenance.commit(statement), content["platform"]
    _refuse_stray(commit)
    with tempfile.TemporaryDirectory() as folder:
        clone = _clone(commit, Path(folder) / "clone")
        _build(clone, platform)
        theirs = artifacts.read_files(clone / artifacts.folder("package", platform))
    ours = artifacts.read_files(bundle)
    if found := bundle_diff.differences(ours, theirs):
        raise ProofError(
            "\n".join(
                [f"not what commit {commit[:12]} builds here (bundle, then rebuilt):", *found]
            )
        )
    return f"{len(theirs)} files from commit {commit[:12]}, every byte the same"


def _refuse_stray(commit: str) -> None:
    """Refuse a commit that nobody took in: building runs its code."""
    git.top()  # fails in git's own words where there is no repository that it may read
    if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}"):
        shallow = git.run("rev-parse", "--is-shallow-repository") == "true"
        fetch = "git fetch --unshallow" if shallow else "git fetch"
        raise HostError(
            f"git: no commit {commit} in this repository; expected a clone that has it: `{fetch}`"
        )
    if not git.run("for-each-ref", "--contains", commit, "refs/heads", "refs/tags", "refs/remotes"):
        raise HostError(
            f"git: commit {commit} is on no branch or tag of this repository; expected one that is: its code is run"
        )


def _project() -> Path:
    """Return the project's top folder; the command may run below it, and the repository's may lie above it.

    Raises:
        HostError: this folder is in no project.
    """
    here, top = Path.cwd().resolve(), git.top()
    for folder in (here, *here.parents):
        if (folder / DVC_YAML).is_file():
            return folder
        if folder == top:
            break
    raise HostError(
        f"{here}: no {DVC_YAML} here or above, up to {top}; expected to be run in the project's folder"
    )


def _clone(commit: str, clone: Path) -> Path:
    """Clone the whole repository at a commit, and return the project's folder in the clone."""
    below = git.prefix(_project())
    git.run("clone", "--quiet", "--no-checkout", "--template=", str(git.top()), str(clone))
    git.run("checkout", "--quiet", commit, folder=clone)
    project = clone / below
    if not (project / DVC_YAML).is_file():
        raise ProofError(
            f"{below / DVC_YAML}: not in commit {commit[:12]}; expected the project where it lies now"
        )
    (project / "dvc.lock").unlink(
        missing_ok=True
    )  # what an earlier build found is no reason to build nothing now
    return project


def _build(clone: Path, platform: str) -> None:
    _lend_key(clone, platform)
    tracked = [str(file.relative_to(clone)) for file in clone.rglob("*.dvc") if file.is_file()]
    if tracked:
        _lend_cache(clone)
        _dvc(clone, "pull", "--remote", "origin-of-data", *tracked)
    _dvc(clone, "repro", f"package@{platform}")


def _lend_cache(clone: Path) -> None:
    """Make the project's cache a remote of the clone: a cache is laid out as a remote is.

    It is not shared: its record of runs would answer for the build. DVC can write only ASCII into its settings, so they
    name a link beside the clone, by a relative path, and the link leads to the cache.
    """
    project = _project()
    link = git.top(clone).with_name("cache")
    link.symlink_to(project / _dvc(project, "cache", "dir").strip(), target_is_directory=True)
    _dvc(clone, "remote", "add", "--local", "origin-of-data", os.path.relpath(link, clone))


def _lend_key(clone: Path, platform: str) -> None:
    """Put the encryption key where the clone's plan looks for it, until the temporary folder goes.

    Raises:
        HostError: it is not here, or the plan looks for it outside of the project.
    """
    scheme, _, path = str(_bundles(clone).get(platform, {}).get("encryption_key")).partition(":")
    if scheme != "file" or Path(path).is_absolute():
        return
    key, lent = _project() / path, clone / path
    if not key.is_file():
        raise HostError(
            f"{path}: not there; expected the encryption key that the bundle was built with"
        )
    if not lent.parent.resolve().is_relative_to(clone.resolve()):
        raise HostError(
            f"{path}: leads out of the project; expected an encryption key in it, or an absolute path"
        )
    lent.parent.mkdir(parents=True, exist_ok=True)
    lent.unlink(missing_ok=True)  # a link in the commit would be written through
    shutil.copyfile(key, lent)
    lent.chmod(0o600)


def _bundles(folder: Path) -> dict[str, Any]:
    """Return what a folder's params.yaml says of each platform's bundle; nothing where it has none."""
    file = folder / PARAMS
    plan = (yaml.safe_load(file.read_text()) if file.is_file() else None) or {}
    found: dict[str, Any] = plan.get("package") or {}
    return found


def _dvc(clone: Path, *arguments: str) -> str:
    """Run DVC in a folder, and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=clone,
        env=_environment(clone),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise ProofError(
            "\n".join([f"dvc {arguments[0]}: the commit does not build here:", *said[-12:]])
        )
    return done.stdout


def _environment(clone: Path) -> dict[str, str]:
    """Return an environment in which `python` is this one and runs the clone's own code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    kept = _without(*git.WITHHELD, *_signing_variables(_project()), *_signing_variables(clone))
    return {**kept, "PATH": path, "PYTHONPATH": str(_code(clone)), "NO_COLOR": "1"}


def _code(clone: Path) -> Path:
    """Return the folder that holds the clone's package; in old commits the package is `pipeline`, at the top."""
    return clone / "pipeline" if (clone / "pipeline/edgebake").is_dir() else clone


def _without(*names: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in names}


def _signing_variables(folder: Path) -> set[str]:
    """Return the variables that hold signing keys of a project's release: a rebuild signs nothing."""
    keys = [
        section["signature"]["key"]
        for section in _bundles(folder).values()
        if section.get("signature")
    ]
    return {key.removeprefix("env:") for key in keys if key.startswith("env:")}
