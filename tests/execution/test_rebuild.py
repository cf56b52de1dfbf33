"""A bundle is rebuilt from its commit, by real git and DVC, in a small project."""

import io
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgebake import artifacts
from edgebake.errors import HostError, ProofError
from edgebake.execution import rebuild
from tests import builds

# A whole pipeline of one stage: it packages what DVC tracks.
DVC_YAML = """\
stages:
  package:
    foreach: [linux]
    do:
      cmd: mkdir -p artifacts/package/linux && cp data/weights.txt artifacts/package/linux/
      deps: [data]
      outs: [artifacts/package/linux]
"""
CONSOLE = Console(file=io.StringIO())
# The mode that keys need; `ls` says it alike on every system.
MODE_OF_KEY = "ls -l keys/model.key | grep -q ^-rw-------"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "data").mkdir()
    (folder / "data/weights.txt").write_text("1\n2\n3\n")
    (folder / "dvc.yaml").write_text(DVC_YAML)
    builds.run(folder, "git", "init", "--quiet")
    for arguments in (("init", "--quiet"), ("add", "data"), ("repro", "--quiet")):
        done = builds.run(folder, "python", "-m", "dvc", *arguments)
        assert done.returncode == 0, done.stderr
    builds.commit(folder, "Built")
    return folder


@pytest.fixture
def bundle(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return artifacts.folder("package", "linux")


def _commit(project: Path) -> str:
    return builds.run(project, "git", "rev-parse", "HEAD").stdout.strip()


def _statement(commit: str) -> Any:
    source = {"name": "source", "digest": {"gitCommit": commit}}
    return {"predicate": {"buildDefinition": {"resolvedDependencies": [source]}}}


def _content(dirty: bool = False) -> Any:
    return {"platform": "linux", "source": {"dirty": dirty}}


def _changed(project: Path, folder: Path, section: str, asks: str, **links: Path) -> Path:
    """Return a clone with a plan for linux, a stage with a condition, and links to keys."""
    clone = builds.clone(project, folder / "clone")
    (clone / "params.yaml").write_text(f"package: {{ linux: {section} }}\n")
    (clone / "dvc.yaml").write_text(DVC_YAML.replace("cp data", f"{asks} && cp data"))
    for name, target in links.items():
        (clone / f"{name}.key").symlink_to(target)
    builds.commit(clone, "Changed")
    builds.run(clone, "python", "-m", "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    return clone


def test_the_same_bytes_are_said_to_be_the_same(bundle: Path, project: Path) -> None:
    commit = _commit(project)
    said = rebuild.compare(bundle, _content(), _statement(commit), CONSOLE)
    assert said == f"1 files from commit {commit[:12]}, every byte the same"


def test_a_difference_names_the_file_and_what_in_it_differs(
    bundle: Path, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "weights.txt").write_text("1\n2\n4\n")
    (tmp_path / "extra.bin").write_bytes(b"x")
    commit = _commit(project)
    with pytest.raises(ProofError) as refused:
        rebuild.compare(tmp_path, _content(), _statement(commit), CONSOLE)
    said = str(refused.value).splitlines()
    assert said[0] == f"not what commit {commit[:12]} builds here (bundle, then rebuilt):"
    assert [line.split(":")[0] for line in said[1:]] == ["extra.bin", "weights.txt"]
    assert "line 3" in said[2]


def test_what_an_earlier_build_left_in_the_cache_does_not_answer_for_the_build(
    bundle: Path, project: Path
) -> None:
    """The run cache has the build of a later edit, and the clone must not restore it."""
    commit = _commit(project)
    (project / "data/weights.txt").write_text("9\n")
    assert builds.run(project, "python", "-m", "dvc", "repro", "--quiet").returncode == 0
    with pytest.raises(ProofError, match="not what commit"):
        rebuild.compare(bundle, _content(), _statement(commit), CONSOLE)
    builds.run(project, "git", "checkout", "--quiet", "--", ".")
    assert (
        builds.run(project, "python", "-m", "dvc", "checkout", "--quiet", "--force").returncode == 0
    )
    assert rebuild.compare(bundle, _content(), _statement(commit), CONSOLE).endswith(
        "every byte the same"
    )


def test_a_bundle_of_a_changed_tree_cannot_be_built_again(bundle: Path, project: Path) -> None:
    with pytest.raises(
        ProofError, match=r"^built from a working tree that differs from its commit"
    ):
        rebuild.compare(bundle, _content(dirty=True), _statement(_commit(project)), CONSOLE)


def test_a_commit_that_is_not_here_is_named(bundle: Path) -> None:
    with pytest.raises(
        HostError,
        match=f"^git: no commit {'ab' * 20} in this repository; expected a clone that has it",
    ):
        rebuild.compare(bundle, _content(), _statement("ab" * 20), CONSOLE)


def test_a_commit_on_no_branch_is_not_run(bundle: Path, project: Path) -> None:
    tree = builds.run(project, "git", "rev-parse", "HEAD^{tree}").stdout.strip()
    who = {
        f"GIT_{role}_{word}": "x" for role in ("AUTHOR", "COMMITTER") for word in ("NAME", "EMAIL")
    }
    stray = builds.run(project, "git", "commit-tree", tree, "-m", "stray", **who).stdout.strip()
    with pytest.raises(
        HostError,
        match=f"^git: commit {stray} is on no local branch or tag of this repository; expected ",
    ):
        rebuild.compare(bundle, _content(), _statement(stray), CONSOLE)


def test_a_commit_of_a_remote_alone_is_not_run(bundle: Path, project: Path) -> None:
    """Whoever owns a fork that was fetched once could name a commit of it."""
    tree = builds.run(project, "git", "rev-parse", "HEAD^{tree}").stdout.strip()
    who = {
        f"GIT_{role}_{word}": "x" for role in ("AUTHOR", "COMMITTER") for word in ("NAME", "EMAIL")
    }
    fork = builds.run(project, "git", "commit-tree", tree, "-m", "fork", **who).stdout.strip()
    builds.run(project, "git", "update-ref", "refs/remotes/fork/main", fork)
    with pytest.raises(HostError) as refused:
        rebuild.compare(bundle, _content(), _statement(fork), CONSOLE)
    assert str(refused.value) == (
        f"git: commit {fork} is on no local branch or tag of this repository; expected one that "
        f"is: its code is run. If you trust it: `git branch rebuild {fork[:12]}`"
    )


def test_the_user_is_told_that_code_is_run_before_it_is(
    bundle: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    console = Console(file=output, width=200)

    def clone(*_: object) -> None:
        raise HostError("no clone")

    monkeypatch.setattr("edgebake.execution.fresh_build.clone", clone)
    commit = _commit(project)
    with pytest.raises(HostError, match=r"^no clone$"):
        rebuild.compare(bundle, _content(), _statement(commit), console)
    said = f"commit {commit[:12]}: its code runs now, as you, with your files"
    assert output.getvalue() == f"rebuilding  {said}\n"


def test_an_encryption_key_is_lent_to_the_clone_and_a_missing_one_is_named(
    bundle: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = _changed(project, tmp_path, "{ encryption_key: 'file:keys/model.key' }", MODE_OF_KEY)
    monkeypatch.chdir(clone)
    with pytest.raises(
        HostError, match=r"^keys/model\.key: not found; expected the encryption key"
    ):
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE)
    (clone / "keys").mkdir()
    (clone / "keys/model.key").write_text("secret")
    said = rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE)
    assert said.endswith("every byte the same")
    monkeypatch.chdir(clone / "keys")
    assert (
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE) == said
    )


def test_a_key_is_not_lent_through_a_link_nor_out_of_the_clone(
    bundle: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "elsewhere.key"
    key.write_text("secret")
    clone = _changed(
        project, tmp_path, "{ encryption_key: 'file:model.key' }", "test ! -L model.key", model=key
    )
    monkeypatch.chdir(clone)
    rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE)
    assert key.read_text() == "secret"
    (clone / "params.yaml").write_text(
        "package: { linux: { encryption_key: 'file:../elsewhere.key' } }\n"
    )
    builds.commit(clone, "Out of the project")
    with pytest.raises(HostError) as refused:
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE)
    assert str(refused.value) == (
        "../elsewhere.key: leads out of the project; expected an encryption key in "
        "it, or an absolute path"
    )


def test_a_build_is_not_told_the_signing_key_and_stays_in_its_own_repository(
    bundle: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = "{ signature: { key: 'env:SIGNING_KEY', public_key: release.pub.pem } }"
    clone = _changed(
        project, tmp_path, signature, 'test -z "$SIGNING_KEY$GIT_DIR" && test -n "$MODEL_KEY"'
    )
    monkeypatch.chdir(clone)
    for name in ("SIGNING_KEY", "MODEL_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    commit = builds.run(
        clone, "git", "rev-parse", "HEAD", GIT_DIR=str(clone / ".git")
    ).stdout.strip()
    assert rebuild.compare(project / bundle, _content(), _statement(commit), CONSOLE).endswith(
        "every byte the same"
    )


def test_a_commit_that_does_not_build_says_what_dvc_said(
    bundle: Path, project: Path, tmp_path: Path
) -> None:
    clone = builds.clone(project, tmp_path / "clone")
    (clone / "dvc.yaml").write_text(
        DVC_YAML.replace("cp data", "echo the gate was missed && false && cp data")
    )
    builds.commit(clone, "Broken")
    builds.run(clone, "python", "-m", "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    with chdir(clone), pytest.raises(ProofError) as refused:
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)), CONSOLE)
    assert str(refused.value).startswith("dvc repro: the commit does not build here:\n")
    assert "the gate was missed" in str(refused.value)


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is built as a sub-folder of a bigger repository; the folder of the project."""
    top = tmp_path_factory.mktemp("mono repo")
    inner = top / "teams" / "edge ü"
    (inner / "data").mkdir(parents=True)
    (inner / "data/weights.txt").write_text("1\n2\n3\n")
    (inner / "dvc.yaml").write_text(DVC_YAML)
    builds.run(top, "git", "init", "--quiet")
    for arguments in (("init", "--quiet", "--subdir"), ("add", "data"), ("repro", "--quiet")):
        done = builds.run(inner, "python", "-m", "dvc", *arguments)
        assert done.returncode == 0, done.stderr
    builds.commit(top, "Built")
    return inner


def test_a_project_in_a_bigger_repository_is_built_again_in_its_folder(
    monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = _commit(monorepo)
    bundle = monorepo / artifacts.folder("package", "linux")
    monkeypatch.chdir(monorepo / "data")
    rebuilt = rebuild.compare(bundle, _content(), _statement(commit), CONSOLE)
    assert rebuilt == f"1 files from commit {commit[:12]}, every byte the same"


def test_a_folder_of_a_bigger_repository_that_is_in_no_project_is_named(
    monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = monorepo.parents[1]
    monkeypatch.chdir(monorepo.parent)
    with pytest.raises(HostError) as refused:
        rebuild.compare(
            monorepo / "artifacts/package/linux", _content(), _statement(_commit(monorepo)), CONSOLE
        )
    assert str(refused.value) == (
        f"{monorepo.parent}: no dvc.yaml here or above, up to {top}; expected to be "
        "run in the project's folder"
    )


def test_a_commit_in_which_the_project_lay_elsewhere_is_named(
    monorepo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = builds.clone(monorepo.parents[1], tmp_path / "clone")
    commit = _commit(clone)
    (clone / "teams").rename(clone / "squads")
    builds.commit(clone, "Moved")
    monkeypatch.chdir(clone / "squads/edge ü")
    with pytest.raises(ProofError) as refused:
        rebuild.compare(
            monorepo / "artifacts/package/linux", _content(), _statement(commit), CONSOLE
        )
    assert str(refused.value) == (
        f"squads/edge ü/dvc.yaml: not in commit {commit[:12]}; expected the project "
        "where it lies now"
    )


def test_a_shallow_clone_names_how_to_fetch_what_it_lacks(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builds.clone(project, tmp_path / "whole")
    first = _commit(whole)
    (whole / "note").write_text("later")
    builds.commit(whole, "Later")
    shallow = tmp_path / "shallow"
    builds.run(whole, "git", "clone", "--quiet", "--depth", "1", whole.as_uri(), str(shallow))
    monkeypatch.chdir(shallow)
    with pytest.raises(HostError) as refused:
        rebuild.compare(tmp_path, _content(), _statement(first), CONSOLE)
    assert str(refused.value) == (
        f"git: no commit {first} in this repository; expected a clone that has it: "
        "`git fetch --unshallow`"
    )


def test_a_build_starts_no_process_that_outlives_it_and_writes_into_the_clone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC would send a report of usage and search for a newer DVC after it has ended."""
    silent = 'test -n "$DVC_NO_ANALYTICS" && grep -q "check_update = false" .dvc/config.local'
    clone = _changed(project, tmp_path, "{}", silent)
    monkeypatch.chdir(clone)
    said = rebuild.compare(
        project / "artifacts/package/linux", _content(), _statement(_commit(clone)), CONSOLE
    )
    assert said.endswith("every byte the same")
