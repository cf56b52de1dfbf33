"""A bundle is built again from its commit, by real git and DVC, in a project so small that it takes seconds."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from pipeline import artifacts, rebuild
from pipeline.errors import HostError, ProofError
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


def _statement(commit: str) -> dict[str, Any]:
    source = {"name": "source", "digest": {"gitCommit": commit}}
    return {"predicate": {"buildDefinition": {"resolvedDependencies": [source]}}}


def _content(dirty: bool = False) -> dict[str, Any]:
    return {"platform": "linux", "source": {"dirty": dirty}}


def test_the_same_bytes_are_said_to_be_the_same(bundle: Path, project: Path) -> None:
    commit = _commit(project)
    said = rebuild.compare(bundle, _content(), _statement(commit))
    assert said == f"1 files from commit {commit[:12]}, every byte the same"


def test_a_difference_names_the_file_and_what_in_it_differs(bundle: Path, project: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("1\n2\n4\n")
    (tmp_path / "extra.bin").write_bytes(b"x")
    commit = _commit(project)
    with pytest.raises(ProofError) as refused:
        rebuild.compare(tmp_path, _content(), _statement(commit))
    said = str(refused.value).splitlines()
    assert said[0] == f"not what commit {commit[:12]} builds here (bundle, then rebuilt):"
    assert [line.split(":")[0] for line in said[1:]] == ["extra.bin", "weights.txt"]
    assert "line 3" in said[2]


def test_what_an_earlier_build_left_in_the_cache_does_not_answer_for_the_build(bundle: Path, project: Path) -> None:
    """The tree has been edited since, and the edit built: the cache of runs holds it, and the clone must not see it."""
    commit = _commit(project)
    (project / "data/weights.txt").write_text("9\n")
    assert builds.run(project, "python", "-m", "dvc", "repro", "--quiet").returncode == 0
    with pytest.raises(ProofError, match="not what commit"):
        rebuild.compare(bundle, _content(), _statement(commit))
    builds.run(project, "git", "checkout", "--quiet", "--", ".")
    assert builds.run(project, "python", "-m", "dvc", "checkout", "--quiet", "--force").returncode == 0
    assert rebuild.compare(bundle, _content(), _statement(commit)).endswith("every byte the same")


def test_a_bundle_of_a_changed_tree_cannot_be_built_again(bundle: Path, project: Path) -> None:
    with pytest.raises(ProofError, match=r"^built from a working tree that differs from its commit"):
        rebuild.compare(bundle, _content(dirty=True), _statement(_commit(project)))


def test_a_commit_that_is_not_here_is_named(bundle: Path) -> None:
    with pytest.raises(
        HostError, match=f"^git: no commit {'ab' * 20} in this repository; expected a clone that has it"
    ):
        rebuild.compare(bundle, _content(), _statement("ab" * 20))


def test_a_commit_on_no_branch_is_not_run(bundle: Path, project: Path) -> None:
    tree = builds.run(project, "git", "rev-parse", "HEAD^{tree}").stdout.strip()
    who = {f"GIT_{role}_{word}": "x" for role in ("AUTHOR", "COMMITTER") for word in ("NAME", "EMAIL")}
    stray = builds.run(project, "git", "commit-tree", tree, "-m", "stray", **who).stdout.strip()
    with pytest.raises(HostError, match=f"^git: {stray} is on no branch or tag of this repository; building it would"):
        rebuild.compare(bundle, _content(), _statement(stray))


def test_an_encryption_key_is_lent_to_the_clone_and_a_missing_one_is_named(
    bundle: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = builds.clone(project, tmp_path / "clone")
    monkeypatch.chdir(clone)
    (clone / "params.yaml").write_text("package: { linux: { encryption_key: 'file:keys/model.key' } }\n")
    reads = "test $(stat -c %a keys/model.key) = 600 && cp data"
    (clone / "dvc.yaml").write_text(DVC_YAML.replace("cp data", reads))
    builds.commit(clone, "Encrypted")
    builds.run(clone, "python", "-m", "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    with pytest.raises(HostError, match=r"^keys/model\.key: not there; expected the encryption key"):
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)))
    (clone / "keys").mkdir()
    (clone / "keys/model.key").write_text("secret")
    said = rebuild.compare(project / bundle, _content(), _statement(_commit(clone)))
    assert said.endswith("every byte the same")


def test_a_commit_that_does_not_build_says_what_dvc_said(bundle: Path, project: Path, tmp_path: Path) -> None:
    clone = builds.clone(project, tmp_path / "clone")
    (clone / "dvc.yaml").write_text(DVC_YAML.replace("cp data", "echo the gate was missed && false && cp data"))
    builds.commit(clone, "Broken")
    builds.run(clone, "python", "-m", "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    with chdir(clone), pytest.raises(ProofError) as refused:
        rebuild.compare(project / bundle, _content(), _statement(_commit(clone)))
    assert str(refused.value).startswith("dvc repro: the commit does not build here:\n")
    assert "the gate was missed" in str(refused.value)
