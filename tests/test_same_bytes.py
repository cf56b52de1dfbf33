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
