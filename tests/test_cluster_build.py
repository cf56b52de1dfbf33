"""Stages on workers of a cluster on this machine; tests/execution/cluster has their faults."""

from pathlib import Path

import pytest

from tests import builds

pytestmark = pytest.mark.slow

ALWAYS = ("always", "changed")


def test_workers_make_the_same_bundles_as_dvc(quick_release: Path, tmp_path: Path) -> None:
    """Guards that a stage has on a worker all that it reads, and that the bytes are the same.

    Slow: it builds a small release again, on two workers.
    """
    clone = builds.clone(quick_release, tmp_path / "clone")
    done = builds.edgebake(clone, "build", "--cluster", "local", "--jobs", "2", "--audit", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for name in ("worker-1", "worker-2"):
        assert f"worker {name} (slots=1): joined" in lines
    (audit,) = (line for line in lines if line.startswith("audit: "))
    assert audit.endswith(" made the same bytes")
    assert builds.bundles(clone) == builds.bundles(quick_release)
    status = builds.run(clone, "dvc", "status").stdout
    assert status.replace("\t", "").split() == ["plan:", *ALWAYS, "revision:", *ALWAYS]
