"""The other inputs of package: the commit, whether the plan differs from it, and waivers."""

import json
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
