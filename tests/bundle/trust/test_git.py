"""Git commands in real repositories, wherever the project is in them, and their error messages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebake.bundle.trust import git
from edgebake.errors import HostError
from tests import builds

EXPECTED = "\nexpected git to work in this folder's repository: a bundle names a commit of it"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository whose path has a space and letters beyond ASCII; the test runs in it."""
    folder = tmp_path / "Mein Projekt ü"
    folder.mkdir()
    builds.run(folder, "git", "init", "--quiet")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def project(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is committed as a sub-folder of that repository; the test runs in it."""
    folder = repository / "inner"
    folder.mkdir()
    (folder / "params.yaml").write_text("package: ü\n")
    (repository / "params.yaml").write_text("of another project\n")
    builds.commit(repository, "Monorepo")
    monkeypatch.chdir(folder)
    return folder


def test_a_project_below_the_top_of_its_repository_reads_its_own_files(
    repository: Path, project: Path
) -> None:
    assert git.top() == repository
    assert git.prefix() == Path("inner")
    assert git.committed(Path("params.yaml")) == "package: ü"
    assert git.committed(Path("dvc.yaml")) is None


def test_only_edits_of_the_own_folder_are_changes(repository: Path, project: Path) -> None:
    (repository / "params.yaml").write_text("edited\n")
    assert not git.changed("params.yaml")
    (project / "params.yaml").write_text("edited\n")
    assert git.changed("params.yaml")


def _worktree(source: Path, folder: Path) -> None:
    builds.run(source, "git", "worktree", "add", "--quiet", "--detach", str(folder))


def _submodule(source: Path, folder: Path) -> None:
    top = folder.parent
    builds.run(top, "git", "init", "--quiet")
    allow = ("-c", "protocol.file.allow=always")
    builds.run(top, "git", *allow, "submodule", "--quiet", "add", str(source), folder.name)


def _shallow(source: Path, folder: Path) -> None:
    builds.run(source, "git", "clone", "--quiet", "--depth", "1", source.as_uri(), str(folder))


def _detached(source: Path, folder: Path) -> None:
    builds.clone(source, folder)
    builds.run(folder, "git", "checkout", "--quiet", "--detach")


def _nested(source: Path, folder: Path) -> None:
    builds.run(folder.parent, "git", "init", "--quiet")
    builds.clone(source, folder)


@pytest.mark.parametrize("place", [_worktree, _submodule, _shallow, _detached, _nested])
def test_the_commit_is_that_of_the_project_wherever_it_lies(
    place: Callable[[Path, Path], None],
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (repository / "params.yaml").write_text("package: ü\n")
    builds.commit(repository, "The project")
    commit = git.head()
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "elsewhere" / "project"
    place(repository, folder)
    monkeypatch.chdir(folder)
    assert git.head() == commit
    assert git.top() == folder
    assert git.committed(Path("params.yaml")) == "package: ü"
    assert not git.changed("params.yaml")


def test_an_empty_repository_lacks_a_commit(repository: Path) -> None:
    branch = git.run("symbolic-ref", "--short", "HEAD")
    with pytest.raises(HostError) as refused:
        git.head()
    assert str(refused.value) == (
        f"git log: fatal: your current branch '{branch}' does not have any commits yet\n"
        "expected a commit, which a bundle names: run `git add --all`, then `git commit`"
    )


def test_a_damaged_commit_is_not_taken_for_none(repository: Path) -> None:
    branch = git.run("symbolic-ref", "--short", "HEAD")
    (repository / ".git/refs/heads" / branch).write_text("ab" * 20 + "\n")
    with pytest.raises(HostError, match=r"^git log: fatal: (bad object|your current branch app)"):
        git.head()


def test_a_folder_in_no_repository_is_refused_in_the_words_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HostError) as refused:
        git.head()
    fatal = "fatal: not a git repository (or any of the parent directories): .git"
    assert str(refused.value) == f"git rev-parse: {fatal}{EXPECTED}"


def test_a_repository_of_another_user_is_refused_in_the_words_of_git(
    project: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "none"))
    with pytest.raises(HostError) as refused:
        git.head()
    first, *others = str(refused.value).splitlines()
    assert (
        first == f"git rev-parse: fatal: detected dubious ownership in repository at '{repository}'"
    )
    assert any("git config --global --add safe.directory" in line for line in others)
    assert str(refused.value).endswith(EXPECTED)


def test_git_that_is_not_there_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError) as refused:
        git.head()
    assert str(refused.value) == (
        "git: not found; expected it on PATH: a bundle names the commit it is built from"
    )


@pytest.mark.parametrize(
    "setting",
    [
        "status.showUntrackedFiles=no",
        "status.branch=true",
        "color.ui=always",
        "core.quotePath=true",
    ],
)
def test_what_a_user_configured_changes_no_answer(
    setting: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = setting.partition("=")
    for word, text in {"COUNT": "1", "KEY_0": name, "VALUE_0": value}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{word}", text)
    assert not git.changed(".")
    assert git.committed(Path("params.yaml")) == "package: ü"
    (project / "new.py").write_text("")
    assert git.changed(".")


def test_a_hook_of_another_repository_leads_nowhere_else(
    project: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    assert git.top() == repository
