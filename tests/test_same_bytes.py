"""The same commit gives the same bytes in another clone; tests/test_kills.py: after a kill."""

from pathlib import Path

import pytest

from tests import builds
from tests.builds import manifest

pytestmark = pytest.mark.slow


def test_a_bundle_is_built_again_from_its_commit_byte_for_byte(quick_release: Path) -> None:
    """Guards that anybody can build a release again, from nothing but the commit.

    Slow: it builds a small release in a clone with its own cache, so that nothing of the first
    build is reused.
    """
    done = builds.edgebake(
        quick_release, "verify", "artifacts/package/android.zip", "--unsigned", "--rebuild"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "digits 1.0.0 for android: sound, but unsigned"
    (rebuilt,) = (line for line in lines if line.startswith("rebuilt"))
    commit = builds.run(quick_release, "git", "rev-parse", "HEAD").stdout[:12]
    listed = len(manifest(quick_release, "android")["files"])
    assert (
        rebuilt.split(maxsplit=1)[1]
        == f"{listed + 2} files from commit {commit}, every byte the same"
    )


def test_the_bundle_does_not_depend_on_what_runs_side_by_side(
    quick_release: Path, tmp_path: Path
) -> None:
    """Guards that the order of stages and their neighbors reach no byte of a bundle.

    The shared release is built with one job; `verify --rebuild` above uses plain `dvc repro`.
    Slow: it builds a small release again, with four jobs and a cache of its own.
    """
    clone = builds.clone(quick_release, tmp_path / "clone")
    done = builds.edgebake(clone, "build", "--jobs", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    bundle = Path("artifacts/package/android.zip")
    assert (clone / bundle).read_bytes() == (quick_release / bundle).read_bytes()
    assert (clone / "dvc.lock").is_file()
    assert builds.run(clone, "git", "status", "--porcelain").stdout.split() == ["??", "dvc.lock"]
