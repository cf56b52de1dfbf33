"""A clone has the same bytes with every line-ending setting of git, so digests do not change."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as git for Windows makes it by default."""
    folder = tmp_path_factory.mktemp("clone")
    command = [
        "git",
        "-c",
        "core.autocrlf=true",
        "clone",
        "--quiet",
        "--config",
        "core.autocrlf=true",
    ]
    subprocess.run([*command, str(ROOT), str(folder)], check=True)
    return folder


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\0")[:-1]


def test_every_file_has_the_bytes_that_are_committed(clone: Path) -> None:
    lines = _git(clone, "ls-files", "-z", "--format=%(objectname) %(path)")
    committed = {}
    for line in lines:
        digest, path = line.split(" ", 1)
        committed[path] = digest
    assert len(committed) > 500
    paths = "\n".join(committed)
    command = ["git", "hash-object", "--no-filters", "--stdin-paths"]
    done = subprocess.run(
        command, cwd=clone, input=paths, capture_output=True, text=True, check=True
    )
    checked_out = dict(zip(committed, done.stdout.split(), strict=True))
    assert [path for path in committed if checked_out[path] != committed[path]] == []


def test_nothing_is_changed_and_nothing_waits_to_be_renormalised(clone: Path) -> None:
    assert _git(clone, "status", "-z", "--porcelain") == []
    subprocess.run(["git", "add", "--renormalize", "."], cwd=clone, check=True)
    assert _git(clone, "status", "-z", "--porcelain") == []
