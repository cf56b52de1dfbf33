"""A commit is built from itself alone: from no earlier build, and from no code beside it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebake.errors import DataError
from edgebake.execution import fresh_build
from tests import builds

# A pipeline of one stage, which shows what a build takes in.
DVC_YAML = """\
stages:
  package:
    foreach: [linux]
    do:
      cmd: mkdir -p artifacts/package/linux && python build.py artifacts/package/linux/
      deps: [data, build.py]
      outs: [artifacts/package/linux]
"""
BUILD = """\
import os, shutil, sys
shutil.copy("data/weights.txt", sys.argv[1])
with open(sys.argv[1] + "environment.txt", "w") as file:
    for name in ("SIGNING_KEY", "EDGEBAKE_HSM_PIN", "PYTHONSTARTUP", "DVC_REMOTE"):
        if name in os.environ:
            file.write(name + "\\n")
    for name in sorted(sys.modules):
        if name.startswith(("planted", "sitecustomize")):
            file.write(f"{name} {getattr(sys.modules[name], 'PLANTED', '')}\\n")
    for entry in sys.path:
        if "planted" in entry or not entry:
            file.write(entry + "\\n")
"""
MODEL = Path("artifacts/package/linux/weights.txt")
ENVIRONMENT = Path("artifacts/package/linux/environment.txt")
SIGNATURE = "package: { linux: { signature: { key: 'env:SIGNING_KEY', public_key: a.pub.pem } } }\n"
HONEST = "1\n2\n3\n"
FOREIGN = "1\n2\n9\n"


def _dvc(folder: Path, *arguments: str) -> None:
    done = builds.run(folder, "python", "-m", "dvc", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a build, its run cache, and a remote with both; not to be edited."""
    folder = tmp_path_factory.mktemp("planted") / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data/weights.txt").write_text(HONEST)
    (folder / "data/deep").mkdir()
    (folder / "data/deep/ü.txt").write_text("more\n")
    (folder / "build.py").write_text(BUILD)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "params.yaml").write_text(SIGNATURE)
    builds.run(folder, "git", "init", "--quiet")
    _dvc(folder, "init", "--quiet")
    _dvc(folder, "add", "--quiet", "data")
    _dvc(folder, "remote", "add", "--quiet", "--default", "store", str(folder.parent / "remote"))
    _dvc(folder, "repro", "--quiet")
    builds.commit(folder, "Built")
    _dvc(folder, "push", "--quiet", "--run-cache")
    return folder


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project, to edit; the test runs in it."""
    copy = shutil.copytree(built.parent, tmp_path / "planted", symlinks=True) / "project"
    builds.edit(copy / ".dvc/config", str(built.parent), str(copy.parent))
    monkeypatch.chdir(copy)
    yield copy
    shutil.rmtree(copy.parent)


def _build(project: Path, folder: Path) -> tuple[str, str]:
    """Build HEAD in a clone; return the model, and what of the surroundings reached the build."""
    commit = builds.run(project, "git", "rev-parse", "HEAD").stdout.strip()
    folder.mkdir()
    clone = fresh_build.clone(commit, folder)
    fresh_build.build(clone)
    return (clone / MODEL).read_text(), (clone / ENVIRONMENT).read_text()


def _poison_run_cache(project: Path) -> None:
    """Record another output for the stage, as whoever may write to the remote can."""
    MODEL.unlink()
    MODEL.write_text(FOREIGN)
    _dvc(project, "commit", "--quiet", "--force", "package@linux")
    _dvc(project, "push", "--quiet", "--run-cache")
    builds.run(project, "git", "checkout", "--quiet", "dvc.lock")
    shutil.rmtree(project / "artifacts")


def test_a_poisoned_run_cache_is_not_read(project: Path, tmp_path: Path) -> None:
    """Not even one that the commit's own settings of DVC name as the cache of every clone."""
    _poison_run_cache(project)
    _dvc(project, "cache", "dir", str(project / ".dvc/cache"))
    (project / "dvc.lock").unlink()
    builds.commit(project, "A shared cache")
    model, _ = _build(project, tmp_path / "fresh")
    assert model == HONEST
    _dvc(project, "repro", "--quiet")
    assert MODEL.read_text() == FOREIGN  # what an ordinary build restores


def test_data_that_a_poisoned_remote_replaced_are_refused(project: Path, tmp_path: Path) -> None:
    """DVC trusts the name of an object, and pulls it as it is."""
    text = (project / "data/deep/ü.txt").read_text()
    objects = [path for path in (tmp_path / "planted/remote/files").rglob("*") if path.is_file()]
    poisoned = [path for path in objects if path.read_text() == text]
    assert poisoned
    for path in poisoned:
        path.chmod(0o644)
        path.write_text(FOREIGN)
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "data")
    _dvc(project, "pull", "--quiet", "data.dvc")
    with pytest.raises(DataError) as refused:
        _build(project, tmp_path / "fresh")
    assert str(refused.value) == (
        f"data: not the data with md5 {_md5_of_data(project)}, which data.dvc names; the copy in "
        "DVC's cache was changed: expected the original data"
    )


def _md5_of_data(project: Path) -> str:
    line = next(line for line in (project / "data.dvc").read_text().splitlines() if "md5:" in line)
    return line.split()[-1]


def test_data_without_a_hash_of_their_bytes_are_refused(project: Path, tmp_path: Path) -> None:
    """DVC 2 hashed texts with other line ends."""
    text = (project / "data.dvc").read_text()
    assert "  hash: md5\n" in text
    (project / "data.dvc").write_text(text.replace("  hash: md5\n", ""))
    clone = tmp_path / "clone"
    shutil.copytree(project, clone)
    with pytest.raises(DataError) as refused:
        fresh_build._check_data(clone / "data.dvc", clone)
    assert str(refused.value) == (
        "data.dvc: data: no md5 of the bytes; expected a file that DVC 3 writes: `dvc add data`"
    )


def test_neither_keys_nor_code_beside_the_commit_reach_the_build(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits, files that git ignores, and an installation that is on the path by a .pth file."""
    (project / "build.py").write_text("raise SystemExit('the working tree was built')\n")
    builds.run(project, "git", "update-index", "--assume-unchanged", "build.py")
    for folder in (project, project / "pipeline"):
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text("PLANTED = 'of the project'\nimport planted\n")
        (folder / "planted.py").touch()
        (folder / "shutil.py").write_text("raise SystemExit('a module of the project')\n")
    for name in ("SIGNING_KEY", "EDGEBAKE_HSM_PIN", "PYTHONSTARTUP", "DVC_REMOTE"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("PYTHONPATH", str(project / "pipeline"))
    model, surroundings = _build(project, tmp_path / "fresh")
    assert model == HONEST
    assert surroundings == "sitecustomize \n"


def test_a_commit_that_no_branch_has_is_cloned(project: Path, tmp_path: Path) -> None:
    """CI checks out a tag, so HEAD is detached."""
    builds.run(project, "git", "checkout", "--quiet", "--detach")
    (project / "note").write_text("on no branch\n")
    builds.commit(project, "Tagged")
    commit = builds.run(project, "git", "rev-parse", "HEAD").stdout.strip()
    (tmp_path / "fresh").mkdir()
    clone = fresh_build.clone(commit, tmp_path / "fresh")
    assert (clone / "note").read_text() == "on no branch\n"
    assert not (clone / "dvc.lock").exists()


def test_the_path_keeps_the_environment_and_loses_the_project(tmp_path: Path) -> None:
    """An environment is often a folder of the project, an editable installation another one."""
    text = fresh_build.SITECUSTOMIZE.format(project="/p")
    script = (
        "import sys\nsys.prefix = sys.exec_prefix = sys.base_prefix = '/p/.venv'\n"
        "sys.path = ['/p/pipeline', '/p', '/p/.venv/lib', '/paths', '/usr/lib']\n"
        f"{text}\nprint(sys.path)"
    )
    done = builds.run(tmp_path, "python", "-c", script)
    assert done.stdout == "['/p/.venv/lib', '/paths', '/usr/lib']\n"
