"""The same commit gives the same bytes: in another clone, and after a build that was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.stages.train import CHECKPOINTS
from tests import builds
from tests.builds import manifest

pytestmark = pytest.mark.slow


def test_a_bundle_is_built_again_from_its_commit_byte_for_byte(built: Path) -> None:
    """Guards that anybody can build the default release again, from nothing but the commit.

    Slow: it builds the whole release in a clone with its own cache, so that nothing of the first
    build is reused.
    """
    done = builds.edgebake(
        built, "verify", "artifacts/package/android.zip", "--unsigned", "--rebuild"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "digits 1.0.0 for android: sound, but unsigned"
    (rebuilt,) = (line for line in lines if line.startswith("rebuilt"))
    commit = builds.run(built, "git", "rev-parse", "HEAD").stdout[:12]
    listed = len(manifest(built, "android")["files"])
    assert (
        rebuilt.split(maxsplit=1)[1]
        == f"{listed + 2} files from commit {commit}, every byte the same"
    )


# What lies on the disk while a stage is at work: of train, an epoch that is done.
HALF_DONE = {
    "train": f"{CHECKPOINTS}/train-*.npz",
    "convert": f"{artifacts.PARTIAL}/convert-*",
    "package": f"{artifacts.PARTIAL}/package-*",
}


def kill_in(folder: Path, stage: str) -> None:
    """Start a build and kill -9 it, DVC and the stage both, while the stage is at work."""
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=folder,
        env=builds.environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as dvc:
        while not list(folder.glob(HALF_DONE[stage])):
            assert dvc.poll() is None, f"the build ended, and {stage} was never at work"
            time.sleep(0.02)
        os.killpg(dvc.pid, signal.SIGKILL)
    assert dvc.returncode == -signal.SIGKILL


def test_a_build_that_was_killed_in_three_stages_gives_the_same_bytes(
    quick_release: Path, tmp_path: Path
) -> None:
    """Guards that nothing half-written is ever taken up, and that training goes on where it was.

    Slow: it builds a release from nothing, in four goes.
    """
    killed = builds.clone(quick_release, tmp_path / "clone")
    for stage in HALF_DONE:
        kill_in(killed, stage)
    assert builds.repro(killed).returncode == 0
    assert builds.bundles(killed) == builds.bundles(quick_release)
    assert len(builds.bundles(killed)) > 10
    assert not list((killed / artifacts.PARTIAL).glob("*"))
