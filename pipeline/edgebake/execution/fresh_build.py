"""Build a commit in a temporary clone that has nothing of the working tree and of earlier builds.

The clone gets the commit's files, data that the commit's .dvc files name, with the hash that they
name, and a copy of the encryption key. It has a DVC cache and settings of its own; no result is
restored from a run cache or a remote. Its code is not told signing keys, and imports nothing from
the project's folder.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebake.bundle.trust import dvc_lock, git
from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import DataError, HostError, ProofError
from edgebake.execution import child_group
from edgebake.recipe import key_variables
from edgebake.recipe.stage_params import PARAMS

DVC_YAML = Path("dvc.yaml")
DATA_REMOTE = "origin-of-data"
MAX_LINES = 12  # of DVC's output in an error message
# Python runs it at its start, before anything of the project. An editable installation puts the
# project's own code on the path; the environment's own folder may be inside the project.
SITECUSTOMIZE = """\
import sys

PROJECT = {project!r} + "/"
ENVIRONMENT = tuple({{sys.prefix + "/", sys.exec_prefix + "/", sys.base_prefix + "/"}})


def is_foreign(entry):
    return (entry + "/").startswith(PROJECT) and not entry.startswith(ENVIRONMENT)


sys.path[:] = [entry for entry in sys.path if not is_foreign(entry)]
"""
DVC_FOLDERS = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR")


def project() -> Path:
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


def clone(commit: str, folder: Path) -> Path:
    """Clone the repository at a commit, and return the project's folder in the clone.

    Git checks that the files are those that the commit's hash stands for: it copies objects as a
    fetch does, instead of linking them.

    Args:
        commit: a full hash.
        folder: an empty folder, in which the clone and the folders of its tools are made.

    Raises:
        ProofError: the commit has no project where it lies now.
    """
    prefix = git.prefix(project())
    copy = folder / "clone"
    options = ("--quiet", "--no-checkout", "--no-local", "--template=")
    git.run("clone", *options, str(git.top()), str(copy))
    git.run("checkout", "--quiet", commit, folder=copy)
    inner = copy / prefix
    if not (inner / DVC_YAML).is_file():
        raise ProofError(
            f"{prefix / DVC_YAML}: not in commit {commit[:12]}; "
            "expected the project where it lies now"
        )
    # With DVC's record of an earlier build, unchanged stages would not be built.
    (inner / "dvc.lock").unlink(missing_ok=True)
    isolation = folder / "isolation"
    isolation.mkdir()
    text = SITECUSTOMIZE.format(project=str(git.top().resolve()))
    (isolation / "sitecustomize.py").write_text(text)
    (isolation / "usercustomize.py").touch()
    return inner


def build(copy: Path, *stages: str) -> None:
    """Build stages of a clone, all if none is named, without results of earlier builds.

    Raises:
        ProofError: the commit does not build.
        DataError: the data are not those that the commit names.
        HostError: the encryption key is missing.
    """
    _copy_encryption_key(copy)
    _configure_dvc(copy)
    data_files = sorted(path for path in copy.rglob("*.dvc") if path.is_file())
    if data_files:
        paths = [str(path.relative_to(copy)) for path in data_files]
        dvc(copy, "pull", "--remote", DATA_REMOTE, *paths)
    for file in data_files:
        _check_data(file, copy)
    dvc(copy, "repro", "--no-run-cache", *stages)


def dvc(copy: Path, *arguments: str) -> str:
    """Run DVC in a clone, and return its standard output.

    Raises:
        ProofError: DVC fails, with the end of its output.
    """
    return _run_dvc(copy, arguments, _environment(copy))


def _run_dvc(folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    with child_group.running(
        child_group.python_module("dvc", *arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        output, errors = process.communicate()
    if process.returncode != 0:
        lines = [line for line in (output + errors).splitlines() if line.strip()]
        headline = f"dvc {arguments[0]}: the commit does not build here:"
        raise ProofError("\n".join([headline, *lines[-MAX_LINES:]]))
    return output


def _environment(copy: Path) -> dict[str, str]:
    """Return an environment in which this `python` runs the clone's own code, without keys."""
    environment = {}
    for name, value in _isolated_environment(copy).items():
        if not name.startswith("DVC_") or name == "DVC_NO_ANALYTICS":
            environment[name] = value
    isolation = environment["PYTHONPATH"]
    environment["PYTHONPATH"] = f"{isolation}{os.pathsep}{_source_root(copy)}"
    return environment | dict.fromkeys(DVC_FOLDERS, isolation)


def _isolated_environment(copy: Path) -> dict[str, str]:
    """Return an environment in which this `python` runs nothing of the project, without keys."""
    withheld = {*git.WITHHELD, *key_variables.signing(_plan(project()))}
    withheld |= key_variables.signing(_plan(copy))
    environment = {}
    for name, value in os.environ.items():
        if name not in withheld and not name.startswith("PYTHON"):
            environment[name] = value
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return environment | {
        "PATH": path,
        "PYTHONPATH": str(git.top(copy).with_name("isolation")),
        "PYTHONSAFEPATH": "1",  # a module in the current folder is not a library
        "PYTHONNOUSERSITE": "1",
        "NO_COLOR": "1",
        # DVC's report of usage is sent by a process that outlives it and writes next to the clone.
        "DVC_NO_ANALYTICS": "1",
    }


def _source_root(copy: Path) -> Path:
    """Return the folder of the clone's package; in old commits it is `pipeline`, at the top."""
    if (copy / "pipeline/edgebake").is_dir():
        return copy / "pipeline"
    return copy


def _configure_dvc(copy: Path) -> None:
    """Give a clone a DVC cache of its own, and the project's cache as a remote with its data.

    The commit's own settings could name a cache that others write. As the clone's cache, the
    project's would not do: DVC would restore outputs of earlier runs instead of building. Paths are
    relative, as DVC's configuration is ASCII, and the remote is a link next to the clone.
    """
    settings = copy / ".dvc"
    if not settings.is_dir():
        return  # DVC says so itself
    original = project()
    link = git.top(copy).with_name("cache")
    # With the user's own settings of DVC, which may name a shared cache.
    path = _run_dvc(original, ("cache", "dir"), _isolated_environment(copy))
    link.symlink_to(original / path.strip(), target_is_directory=True)
    url = os.path.relpath(link, settings)
    # The search for a newer DVC, too, is a process that outlives DVC.
    core = "[core]\n    check_update = false\n"
    text = f"{core}[cache]\n    dir = cache\n['remote \"{DATA_REMOTE}\"']\n    url = {url}\n"
    (settings / "config.local").write_text(text)


def _check_data(file: Path, copy: Path) -> None:
    """Compare the data of a .dvc file with the hashes in it: DVC trusts the names of a cache.

    Raises:
        DataError: the data differ, or their hash is not one of their bytes.
    """
    for output in dvc_lock.read_dvc_file(file)["outs"]:
        path = file.parent / output["path"]
        shown = path.relative_to(copy)
        expected = output.get("md5")
        if output.get("hash") != "md5" or not expected:
            raise DataError(
                f"{file.relative_to(copy)}: {output['path']}: no md5 of the bytes; "
                f"expected a file that DVC 3 writes: `dvc add {shown}`"
            )
        if _md5(path) != expected:
            raise DataError(
                f"{shown}: not the data with md5 {expected}, which {file.name} names; "
                "the copy in DVC's cache was changed: expected the original data"
            )


def _md5(path: Path) -> str:
    """Return DVC's hash of a file or of a folder: the md5 of its sorted list of files, as JSON."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, _new_md5).hexdigest()
    entries = [{"md5": _md5(file), "relpath": name} for name, file in sorted(_files_in(path))]
    listing = json.dumps(entries, sort_keys=True)
    return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _new_md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


def _files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file


def _copy_encryption_key(copy: Path) -> None:
    """Copy the encryption key to its path in the clone, which is deleted afterwards.

    Raises:
        HostError: the key is missing, or its path leads out of the clone.
    """
    for uri in key_variables.encryption_keys(_plan(copy)):
        scheme, _, path = uri.partition(":")
        if scheme == "file" and not Path(path).is_absolute():
            _copy_key_file(Path(path), copy)


def _copy_key_file(path: Path, copy: Path) -> None:
    key = project() / path
    if not key.is_file():
        raise HostError(
            f"{path}: not found; expected the encryption key that the bundle was built with"
        )
    destination = copy / path
    if not destination.parent.resolve().is_relative_to(copy.resolve()):
        raise HostError(
            f"{path}: leads out of the project; "
            "expected an encryption key in it, or an absolute path"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.unlink(missing_ok=True)  # the copy would be written through a link in the commit
    shutil.copyfile(key, destination)
    destination.chmod(0o600)


def _plan(folder: Path) -> dict[str, Any]:
    """Return a folder's params.yaml, empty if there is none."""
    file = folder / PARAMS
    if not file.is_file():
        return {}
    try:
        plan = strict_yaml.read(file, strict_yaml.MAX_BYTES_OF_PLAN)
    except StrictYamlError as error:
        raise HostError(f"{PARAMS}: {error}: run `edgebake plan`") from None
    return plan if isinstance(plan, dict) else {}
