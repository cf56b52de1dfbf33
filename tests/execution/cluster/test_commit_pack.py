"""The files of a commit in one file."""

from pathlib import Path

import pytest

from edgebake.errors import HostError
from edgebake.execution.cluster import commit_pack
from tests import builds


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two commits of a repository in which the test runs."""
    source = tmp_path / "source"
    source.mkdir()
    monkeypatch.chdir(source)
    hashes = []
    builds.run(source, "git", "init", "--quiet")
    for number in range(2):
        (source / "file").write_text(f"{number}\n")
        builds.commit(source, str(number))
        hashes.append(builds.run(source, "git", "rev-parse", "HEAD").stdout.strip())
    return hashes[0], hashes[1]


def test_a_clone_has_the_files_of_one_commit_and_no_history(
    commits: tuple[str, str], tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    commit_pack.write(commits[1], tmp_path / "pack")
    commit_pack.clone(tmp_path / "pack", commits[1], clone)
    assert (clone / "file").read_text() == "1\n"
    assert builds.run(clone, "git", "log", "--format=%H").stdout.split() == [commits[1]]


def test_a_clean_clone_has_nothing_of_the_task_before(
    commits: tuple[str, str], tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    commit_pack.write(commits[0], tmp_path / "pack")
    commit_pack.clone(tmp_path / "pack", commits[0], clone)
    (clone / "file").write_text("changed\n")
    (clone / ".gitignore").write_text("ignored\n")
    for name in ("ignored", "sub/.dvc/tmp/lock", "new/file"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).touch()
    commit_pack.clean(clone)
    assert (clone / "file").read_text() == "0\n"
    files = {path.relative_to(clone) for path in clone.rglob("*") if path.is_file()}
    left = {path.as_posix() for path in files if ".git" not in path.parts}
    assert left == {"file", "sub/.dvc/tmp/lock"}


def test_a_pack_of_another_commit_is_refused(commits: tuple[str, str], tmp_path: Path) -> None:
    commit_pack.write(commits[0], tmp_path / "pack")
    with pytest.raises(HostError, match=r"^git (index-pack|checkout): "):
        commit_pack.clone(tmp_path / "pack", commits[1], tmp_path / "clone")
