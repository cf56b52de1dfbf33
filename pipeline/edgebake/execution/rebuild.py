"""Rebuild a bundle from the commit in its provenance, and compare every byte.

Reads the repository and DVC's cache of tracked data. Builds in a temporary clone, which shares
nothing else with the project.
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
from edgebake.execution import child_group
from edgebake.recipe.stage_params import PARAMS

DVC_YAML = Path("dvc.yaml")
DATA_REMOTE = "origin-of-data"
MAX_LINES = 12  # of DVC's output in an error message


def compare(bundle: Path, content: Manifest, statement: Statement) -> str:
    """Rebuild a bundle, and return a line if every byte is the same.

    Args:
        bundle: folder of the bundle.
        content: its manifest.
        statement: its provenance.

    Raises:
        ProofError: it was built from a changed working tree, it does not build, or it differs.
        HostError: this repository lacks the commit, or the encryption key is missing.
    """
    if content["source"]["dirty"]:
        raise ProofError(
            "built from a working tree that differs from its commit: "
            "it cannot be built again; expected a clean one"
        )
    commit = provenance.commit(statement)
    platform = content["platform"]
    _check_commit(commit)
    with tempfile.TemporaryDirectory() as folder:
        clone = _clone(commit, Path(folder) / "clone")
        _build(clone, platform)
        rebuilt = artifacts.read_files(clone / artifacts.folder("package", platform))
    differences = bundle_diff.differences(artifacts.read_files(bundle), rebuilt)
    if differences:
        headline = f"not what commit {commit[:12]} builds here (bundle, then rebuilt):"
        raise ProofError("\n".join([headline, *differences]))
    return f"{len(rebuilt)} files from commit {commit[:12]}, every byte the same"


def _check_commit(commit: str) -> None:
    """Check that a commit is on a branch or tag: building runs its code."""
    git.top()  # fails with git's own message if it may not read a repository here
    if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}"):
        is_shallow = git.run("rev-parse", "--is-shallow-repository") == "true"
        fetch = "git fetch --unshallow" if is_shallow else "git fetch"
        raise HostError(
            f"git: no commit {commit} in this repository; expected a clone that has it: `{fetch}`"
        )
    if not git.run("for-each-ref", "--contains", commit, "refs/heads", "refs/tags", "refs/remotes"):
        raise HostError(
            f"git: commit {commit} is on no branch or tag of this repository; "
            "expected one that is: its code is run"
        )


def _project() -> Path:
    """Return the project's top folder.

    The current folder may be below it, and the top of the repository above it.

    Raises:
        HostError: the current folder is in no project.
    """
    current = Path.cwd().resolve()
    top = git.top()
    for folder in (current, *current.parents):
        if (folder / DVC_YAML).is_file():
            return folder
        if folder == top:
            break
    raise HostError(
        f"{current}: no {DVC_YAML} here or above, up to {top}; "
        "expected to be run in the project's folder"
    )


def _clone(commit: str, clone: Path) -> Path:
    """Clone the repository at a commit, and return the project's folder in the clone."""
    prefix = git.prefix(_project())
    git.run("clone", "--quiet", "--no-checkout", "--template=", str(git.top()), str(clone))
    git.run("checkout", "--quiet", commit, folder=clone)
    project = clone / prefix
    if not (project / DVC_YAML).is_file():
        raise ProofError(
            f"{prefix / DVC_YAML}: not in commit {commit[:12]}; "
            "expected the project where it lies now"
        )
    # With DVC's record of an earlier build, unchanged stages would not be built.
    (project / "dvc.lock").unlink(missing_ok=True)
    return project


def _build(clone: Path, platform: str) -> None:
    _copy_encryption_key(clone, platform)
    data_files = [path for path in clone.rglob("*.dvc") if path.is_file()]
    if data_files:
        _add_cache_as_remote(clone)
        paths = [str(path.relative_to(clone)) for path in data_files]
        _dvc(clone, "pull", "--remote", DATA_REMOTE, *paths)
    _dvc(clone, "repro", f"package@{platform}")


def _add_cache_as_remote(clone: Path) -> None:
    """Make the project's DVC cache a remote of the clone: both have the same layout.

    A shared cache would not do: DVC would restore outputs of earlier runs instead of building. DVC
    writes only ASCII into its configuration, so the remote is a link next to the clone, with a
    relative path.
    """
    project = _project()
    link = git.top(clone).with_name("cache")
    cache = project / _dvc(project, "cache", "dir").strip()
    link.symlink_to(cache, target_is_directory=True)
    _dvc(clone, "remote", "add", "--local", DATA_REMOTE, os.path.relpath(link, clone))


def _copy_encryption_key(clone: Path, platform: str) -> None:
    """Copy the encryption key to its path in the clone, which is deleted afterwards.

    Raises:
        HostError: the key is missing, or its path leads out of the clone.
    """
    uri = _package_params(clone).get(platform, {}).get("encryption_key")
    scheme, _, path = str(uri).partition(":")
    if scheme != "file" or Path(path).is_absolute():
        return
    key = _project() / path
    if not key.is_file():
        raise HostError(
            f"{path}: not found; expected the encryption key that the bundle was built with"
        )
    copy = clone / path
    if not copy.parent.resolve().is_relative_to(clone.resolve()):
        raise HostError(
            f"{path}: leads out of the project; "
            "expected an encryption key in it, or an absolute path"
        )
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)  # the copy would be written through a link in the commit
    shutil.copyfile(key, copy)
    copy.chmod(0o600)


def _package_params(folder: Path) -> dict[str, Any]:
    """Return the parameters of each platform's bundle in a folder's params.yaml, if any."""
    file = folder / PARAMS
    if not file.is_file():
        return {}
    plan = yaml.safe_load(file.read_text()) or {}
    params: dict[str, Any] = plan.get("package") or {}
    return params


def _dvc(folder: Path, *arguments: str) -> str:
    """Run DVC in a folder, and return its standard output."""
    with child_group.running(
        child_group.python_module("dvc", *arguments),
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as dvc:
        output, errors = dvc.communicate()
    if dvc.returncode != 0:
        lines = [line for line in (output + errors).splitlines() if line.strip()]
        headline = f"dvc {arguments[0]}: the commit does not build here:"
        raise ProofError("\n".join([headline, *lines[-MAX_LINES:]]))
    return output


def _environment(clone: Path) -> dict[str, str]:
    """Return an environment in which this `python` runs the clone's own code, without keys."""
    environment = dict(os.environ)
    project_keys = _signing_variables(_project())
    clone_keys = _signing_variables(clone)
    for name in (*git.WITHHELD, *project_keys, *clone_keys):
        environment.pop(name, None)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**environment, "PATH": path, "PYTHONPATH": str(_source_root(clone)), "NO_COLOR": "1"}


def _source_root(clone: Path) -> Path:
    """Return the folder of the clone's package; in old commits it is `pipeline`, at the top."""
    if (clone / "pipeline/edgebake").is_dir():
        return clone / "pipeline"
    return clone


def _signing_variables(folder: Path) -> set[str]:
    """Return the variables with signing keys of a project: a rebuild signs nothing."""
    variables = set()
    for params in _package_params(folder).values():
        signature = params.get("signature")
        if signature and signature["key"].startswith("env:"):
            variables.add(signature["key"].removeprefix("env:"))
    return variables
