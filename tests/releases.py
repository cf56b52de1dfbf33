"""Releases that take minutes to build, and are built once for all processes of a test run."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import builds

# A folder in which several runs of pytest find the same releases.
VARIABLE = "EDGEBAKE_TEST_RELEASES"
STAGES_OF_THE_DEFAULT = 35  # with `plan` and `revision`


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this run share."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        return folder.parent
    return folder


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first process makes while others wait. A failure fails for all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done, failed = (folder.with_suffix(suffix) for suffix in (".done", ".failed"))
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if failed.exists():
            raise AssertionError(f"{folder.name}: failed before, in this run: {failed.read_text()}")
        if not done.exists():
            try:
                make(folder)
            except BaseException as error:
                failed.write_text(str(error))
                raise
            done.touch()
    return folder


def copy(release: Path, folder: Path) -> Path:
    """Return a clone with the same release built and the same cache, for a test that edits it."""
    shutil.copytree(release, folder, symlinks=True)
    return folder


def build_default(folder: Path) -> None:
    """Build the default release in a clone."""
    source = builds.snapshot(folder.with_suffix(".source"))
    builds.clone(source, folder)
    _build(folder)
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    assert len(stages) == STAGES_OF_THE_DEFAULT


def build_quick(folder: Path) -> None:
    """Build a small release in a clone."""
    source = builds.snapshot(folder.with_suffix(".source"))
    builds.clone(source, folder)
    builds.quicken(folder)
    _build(folder)


def _build(folder: Path) -> None:
    """Build a release, one stage at a time, because tests run beside it."""
    done = builds.edgebake(folder, "build", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
