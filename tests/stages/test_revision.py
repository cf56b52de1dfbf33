"""The other inputs of package: the commit, whether the plan differs from it, and waivers."""

import hashlib
import json
import os
import py_compile
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from edgebake.stages import revision
from tests import builds
from tests.stages import alone

PI = ("package", "linux", "targets", "raspberry_pi_5")
WAIVER = {"gate": "size_mb", "reason": "one release", "by": "Ada", "until": "2027-01-31"}


@pytest.fixture
def committed(tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch) -> str:
    """The hash of the one commit of a repository with the project's plan; the test runs in it."""
    monkeypatch.chdir(tmp_path)
    planner.write(planned)
    Path(".gitignore").write_text("artifacts/\n")
    builds.run(tmp_path, "git", "init", "--quiet")
    builds.commit(tmp_path, "The plan")
    return builds.run(tmp_path, "git", "rev-parse", "HEAD").stdout.strip()


def _today(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr("edgebake.stages.revision.date", SimpleNamespace(today=lambda: day))


def _waive(*waivers: dict[str, str]) -> None:
    alone.set_param(*PI, "waivers", value=list(waivers))


def _written(platform: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((revision.FOLDER / f"{platform}.json").read_text())
    return content


def test_a_plan_as_it_was_committed_is_clean_and_waives_nothing(committed: str) -> None:
    assert revision.write() == committed
    clean = {"git_commit": committed, "dirty": False, "expired_waivers": []}
    assert {
        platform: _written(platform) for platform in ("android", "ios", "linux")
    } == dict.fromkeys(("android", "ios", "linux"), clean)


def test_an_edit_for_one_platform_leaves_the_others_clean(committed: str) -> None:
    _waive(WAIVER)
    revision.write()
    assert [_written(platform)["dirty"] for platform in ("android", "ios", "linux")] == [
        False,
        False,
        True,
    ]


def test_a_waiver_holds_on_its_last_day_and_is_noticed_on_the_next(
    committed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _waive(WAIVER)
    found = []
    for day in (date(2027, 1, 31), date(2027, 2, 1)):
        _today(monkeypatch, day)
        revision.write()
        found.append(_written("linux")["expired_waivers"])
    assert found == [[], ["raspberry_pi_5: size_mb until 2027-01-31"]]


def test_only_the_platform_of_an_expired_waiver_is_packaged_again(
    committed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _waive(WAIVER, {**WAIVER, "gate": "accuracy_drop", "until": "2027-12-31"})
    _today(monkeypatch, date(2027, 1, 31))
    revision.write()
    before = {platform: _written(platform) for platform in ("android", "ios", "linux")}
    _today(monkeypatch, date(2027, 2, 1))
    revision.write()
    assert [platform for platform in before if _written(platform) != before[platform]] == ["linux"]
    assert _written("linux")["expired_waivers"] == ["raspberry_pi_5: size_mb until 2027-01-31"]


def test_a_public_key_that_is_not_committed_makes_its_platform_dirty(committed: str) -> None:
    words = {"key": "env:KEY", "public_key": "release.pub.pem"}
    alone.set_param("package", "linux", "signature", value=words)
    Path("release.pub.pem").write_text("a key")
    builds.commit(Path(), "A plan with a signature")
    revision.write()
    assert _written("linux")["dirty"] is False
    Path("release.pub.pem").write_text("another key")
    revision.write()
    assert [_written(platform)["dirty"] for platform in ("android", "linux")] == [False, True]


@pytest.mark.parametrize(
    "name", ["keys/release.pub.pem", "../release.pub.pem"], ids=["ignored", "outside"]
)
def test_a_public_key_that_no_commit_can_hold_makes_its_platform_dirty(
    committed: str, name: str
) -> None:
    alone.set_param("package", "linux", "signature", value={"key": "env:KEY", "public_key": name})
    Path(".gitignore").write_text("artifacts/\nkeys/\n")
    builds.commit(Path(), "A plan with a signature")
    Path("keys").mkdir()
    Path(name).write_text("a key")
    revision.write()
    assert [_written(platform)["dirty"] for platform in ("android", "linux")] == [False, True]


@pytest.mark.parametrize(("tracked", "dirty"), [(True, False), (False, True)])
def test_data_that_git_ignores_are_dirty_unless_dvc_tracks_them(
    committed: str, tracked: bool, dirty: bool
) -> None:
    alone.set_param("train", "digits-ds_cnn", "data_file", value="data/images")
    Path("data/images").mkdir(parents=True)
    Path("data/images/1.png").write_bytes(b"png")
    Path("data/.gitignore").write_text("/images\n")
    if tracked:
        Path("data/images.dvc").write_text("outs: []\n")
    builds.commit(Path(), "Data")
    revision.write()
    assert _written("linux")["dirty"] is dirty


def test_a_plan_in_a_sub_folder_of_a_bigger_repository_is_clean_until_its_own_folder_is_edited(
    tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "teams" / "edge ü"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    planner.write(planned)
    Path("dvc.yaml").write_text("stages: {}\n")
    Path(".gitignore").write_text("artifacts/\n")
    (tmp_path / "params.yaml").write_text("of another project\n")
    builds.run(tmp_path, "git", "init", "--quiet")
    builds.commit(tmp_path, "Monorepo")
    (tmp_path / "params.yaml").write_text("edited\n")
    revision.write()
    assert _written("linux")["dirty"] is False
    Path("dvc.yaml").write_text("stages: { edited: {} }\n")
    revision.write()
    assert _written("linux")["dirty"] is True


@pytest.mark.parametrize("edited", [False, True])
def test_data_beside_the_project_in_a_bigger_repository_count_as_committed(
    tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    planner.write(planned)
    alone.set_param("train", "digits-ds_cnn", "data_file", value="../images[1]")
    Path(".gitignore").write_text("artifacts/\n")
    Path("../images[1]").mkdir()
    Path("../images[1]/1.png").write_bytes(b"png")
    builds.run(tmp_path, "git", "init", "--quiet")
    builds.commit(tmp_path, "Monorepo")
    if edited:
        Path("../images[1]/1.png").write_bytes(b"another png")
    revision.write()
    assert _written("linux")["dirty"] is edited


MODULE = Path("pipeline/edgebake/x.py")
FILES = {
    "pipeline/edgebake/x.py": "SEED = 1\n",
    "plugins/architectures/y.py": "WIDTH = 1\n",
    "dvc.yaml": "stages: {}\n",
    "data/images/1.png": "png",
    "data/all.dvc": "outs: []\n",
    "setup.py": "SETUP = 1\n",
}


@pytest.fixture
def sources(committed: str) -> None:
    """Sources in the commit, and one of them as a dataset of the plan; the tree is clean."""
    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    alone.set_param("train", "digits-ds_cnn", "data_file", value="data/images")
    Path(".gitignore").write_text("artifacts/\n__pycache__/\n*.egg-info/\n*.secret.py\n.DS_Store\n")
    builds.commit(Path(), "Sources")
    revision.write()
    assert _written("linux")["dirty"] is False


def _edit_hidden(flag: str) -> None:
    assert builds.run(Path(), "git", "update-index", flag, str(MODULE)).returncode == 0
    MODULE.write_text("SEED = 2\n")


def _exclude(name: str) -> None:
    Path(".git/info/exclude").write_text(f"{Path(name).name}\n")
    _add(name)


def _exclude_for_the_user(name: str) -> None:
    Path("ignored").write_text(f"{Path(name).name}\n")
    builds.run(Path(), "git", "config", "core.excludesFile", str(Path("ignored").resolve()))
    _add(name)


def _add(name: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("import os\n")


def _filter() -> None:
    """Have git take another content of a file for the committed one."""
    Path(".git/info/attributes").write_text("x.py filter=same\n")
    builds.run(Path(), "git", "config", "filter.same.clean", "echo 'SEED = 1'")
    MODULE.write_text("SEED = 2\n")


def _replace() -> None:
    """Have git show another commit in the place of HEAD."""
    head = builds.run(Path(), "git", "rev-parse", "HEAD").stdout.strip()
    MODULE.write_text("SEED = 2\n")
    builds.commit(Path(), "Another")
    builds.run(Path(), "git", "replace", head, "HEAD")
    builds.run(Path(), "git", "update-ref", "refs/heads/old", head)
    builds.run(Path(), "git", "symbolic-ref", "HEAD", "refs/heads/old")


def _keep_the_time() -> None:
    """Edit a file to the same size and time, as git's index has them."""
    status = MODULE.stat()
    MODULE.write_text("SEED = 2\n")
    os.utime(MODULE, ns=(status.st_atime_ns, status.st_mtime_ns))


def _stale_byte_code(mode: py_compile.PycInvalidationMode) -> None:
    """Leave the byte code of an edit that is taken back, with the time of the source."""
    MODULE.write_text("SEED = 2\n")
    os.utime(MODULE, (1_000_000_000, 1_000_000_000))
    py_compile.compile(str(MODULE), invalidation_mode=mode)
    MODULE.write_text("SEED = 1\n")
    os.utime(MODULE, (1_000_000_000, 1_000_000_000))


def _link() -> None:
    """Put a link with the same content in the place of a file."""
    MODULE.rename("outside.txt")
    MODULE.symlink_to(Path("outside.txt").resolve())


HIDDEN: dict[str, Callable[[], object]] = {
    "assume-unchanged": lambda: _edit_hidden("--assume-unchanged"),
    "skip-worktree": lambda: _edit_hidden("--skip-worktree"),
    "filter": _filter,
    "replaced commit": _replace,
    "same time and size": _keep_the_time,
    "link": _link,
    "info/exclude": lambda: _exclude("pipeline/edgebake/new.py"),
    "info/exclude of a plugin": lambda: _exclude("plugins/architectures/new.py"),
    "info/exclude of an image": lambda: _exclude("data/images/2.png"),
    "info/exclude of a license": lambda: _exclude("LICENSES/MIT.txt"),
    "core.excludesFile": lambda: _exclude_for_the_user("pipeline/edgebake/new.py"),
    ".gitignore": lambda: _add("pipeline/edgebake/new.secret.py"),
    "sitecustomize of the package": lambda: _exclude("pipeline/sitecustomize.py"),
    "sitecustomize of the project": lambda: _exclude("sitecustomize.py"),
    "usercustomize of the project": lambda: _exclude("usercustomize.py"),
    "module in the place of a library": lambda: _exclude("numpy.py"),
    "package in the place of a library": lambda: _exclude("yaml/__init__.py"),
    "edited module of the project": lambda: _add("setup.py"),
    "byte code without source": lambda: _exclude("pipeline/edgebake/y.pyc"),
    "compiled module": lambda: _exclude("pipeline/edgebake/y.so"),
    "stale byte code": lambda: _stale_byte_code(py_compile.PycInvalidationMode.TIMESTAMP),
    "byte code by an unchecked hash": lambda: _stale_byte_code(
        py_compile.PycInvalidationMode.UNCHECKED_HASH
    ),
    "edited .dvc file": lambda: _add("data/all.dvc"),
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.usefixtures("sources")
def test_a_change_that_git_does_not_show_is_dirty(hide: Callable[[], object]) -> None:
    hide()
    line = revision.write()
    assert _written("linux")["dirty"] is True
    assert ", changed: " in line


@pytest.mark.parametrize(
    ("stage", "field"), [("train", "file"), ("train", "weights"), ("data", "classes")]
)
@pytest.mark.usefixtures("committed")
def test_labels_and_imported_models_count(stage: str, field: str) -> None:
    variant = {"train": "digits-ds_cnn", "data": "digits"}[stage]
    alone.set_param(stage, variant, field, value="inputs/a.bin")
    _add("inputs/a.bin")
    builds.commit(Path(), "An input")
    revision.write()
    assert _written("linux")["dirty"] is False
    Path("inputs/a.bin").write_text("another")
    assert revision.write().endswith(", changed: inputs/a.bin: not as in the commit")
    assert _written("linux")["dirty"] is True


@pytest.mark.usefixtures("sources")
def test_code_in_a_folder_of_the_project_on_the_path_is_dirty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _exclude("lib/sitecustomize.py")
    revision.write()
    assert _written("linux")["dirty"] is False
    monkeypatch.setattr(sys, "path", [*sys.path, "lib"])
    assert revision.write().endswith(", changed: lib/sitecustomize.py: not in the commit")
    assert _written("linux")["dirty"] is True


@pytest.mark.usefixtures("sources")
def test_the_file_that_makes_a_build_dirty_is_named(committed: str) -> None:
    head = builds.run(Path(), "git", "rev-parse", "HEAD").stdout.strip()
    _edit_hidden("--assume-unchanged")
    assert revision.write() == f"{head}, changed: {MODULE}: not as in the commit"
    MODULE.write_text("SEED = 1\n")
    assert revision.write() == head
    _exclude("plugins/architectures/new.py")
    expected = "plugins/architectures/new.py: not in the commit"
    assert revision.write() == f"{head}, changed: {expected}"
    Path("plugins/architectures/new.py").unlink()
    _stale_byte_code(py_compile.PycInvalidationMode.TIMESTAMP)
    cache = f"pipeline/edgebake/__pycache__/x.{sys.implementation.cache_tag}.pyc"
    assert revision.write() == f"{head}, changed: {cache}: not the byte code of x.py"


@pytest.mark.usefixtures("sources")
def test_what_no_build_reads_leaves_the_tree_clean() -> None:
    py_compile.compile(str(MODULE))
    for name in ("pipeline/edgebake.egg-info/PKG-INFO", "data/images/.DS_Store", "notes.txt"):
        _add(name)
    for name in ("docs/build.py", "tests/test_x.py"):
        _add(name)
    revision.write()
    assert _written("linux")["dirty"] is False


@pytest.mark.usefixtures("sources")
def test_byte_code_that_python_does_not_take_is_not_stale() -> None:
    """An edit changes the time of the source, so Python compiles it again."""
    _stale_byte_code(py_compile.PycInvalidationMode.TIMESTAMP)
    os.utime(MODULE, (1_000_000_001, 1_000_000_001))
    revision.write()
    assert _written("linux")["dirty"] is False


@pytest.mark.usefixtures("sources")
def test_data_in_git_lfs_are_clean_until_they_differ_from_the_pointer() -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 3\n"
    digest = hashlib.sha256(b"png").hexdigest()
    Path("data/images/1.png").write_text(pointer.format(digest))
    builds.commit(Path(), "Pointer")
    Path("data/images/1.png").write_text("png")
    revision.write()
    assert _written("linux")["dirty"] is False
    Path("data/images/1.png").write_text("jpg")
    revision.write()
    assert _written("linux")["dirty"] is True
