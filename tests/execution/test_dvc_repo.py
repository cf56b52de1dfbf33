"""DVC's steps, called one by one: the same record as `dvc repro`, and none that is half-written."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebake.execution import dvc_repo
from edgebake.execution.dvc_repo import DvcError, Project, State
from tests import builds

PIPELINE = """\
stages:
  first:
    cmd: cp a.txt b.txt
    deps: [a.txt]
    params: [copy.mode]
    outs: [b.txt]
  each:
    foreach: [x, y]
    do:
      cmd: cp b.txt ${item}.txt
      deps: [b.txt]
      outs: ["${item}.txt"]
  own:
    cmd: python -m edgebake proof android
    deps: [x.txt, y.txt]
    outs: [own.txt]
"""
PARAMS = "copy:\n  mode: plain\n"


@pytest.fixture
def dvc_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project of four stages that copy files; the test runs in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    (tmp_path / "a.txt").write_text("x\n")
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    assert _dvc("init", "--quiet", "--no-scm").returncode == 0
    return tmp_path


def _dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return builds.run(Path(), sys.executable, "-m", "dvc", *arguments)


def _build(project: Project) -> Iterator[tuple[str, State]]:
    """Run every stage in DVC's order, and yield what DVC said of it."""
    for name, node in project.nodes.items():
        state = project.start(name)
        yield name, state
        if state is State.TO_RUN:
            _run(node.command)
            project.finish(name)


def _run(command: str) -> None:
    if command.startswith("cp "):
        subprocess.run(command.split(), check=True)
    else:
        Path("own.txt").write_text("own\n")


@pytest.mark.usefixtures("dvc_project")
def test_the_graph_is_that_of_dvc() -> None:
    with dvc_repo.opened() as project:
        nodes = project.nodes
    assert list(nodes) == ["first", "each@x", "each@y", "own"]
    assert set(nodes["own"].upstream) == {"each@x", "each@y"}
    assert nodes["own"].arguments == ("proof", "android")
    assert nodes["each@x"].arguments == ()
    assert nodes["each@x"].command == "cp b.txt x.txt"
    assert nodes["first"].inputs == (Path("a.txt"), Path("params.yaml"))
    assert nodes["first"].outputs == (Path("b.txt"),)


@pytest.mark.usefixtures("dvc_project")
def test_a_build_leaves_the_record_that_dvc_leaves() -> None:
    with dvc_repo.opened() as project:
        states = dict(_build(project))
    assert set(states.values()) == {State.TO_RUN}
    record = Path("dvc.lock").read_bytes()
    assert _dvc("status").stdout.strip() == "Data and pipelines are up to date."
    Path("dvc.lock").unlink()
    assert _dvc("repro").returncode == 0  # from its run cache
    assert Path("dvc.lock").read_bytes() == record


@pytest.mark.usefixtures("dvc_project")
def test_dvc_draws_nothing_over_the_view_of_a_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_IGNORE_ISATTY", "1")  # draws bars as on a terminal
    with dvc_repo.opened() as project:
        assert len(list(_build(project))) == 4
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("dvc_project")
def test_nothing_runs_where_nothing_changed() -> None:
    for _ in range(2):
        with dvc_repo.opened() as project:
            states = dict(_build(project))
    assert set(states.values()) == {State.UNCHANGED}


@pytest.mark.usefixtures("dvc_project")
def test_earlier_outputs_come_from_the_run_cache() -> None:
    for text in ("x\n", "other\n", "x\n"):
        Path("a.txt").write_text(text)
        with dvc_repo.opened() as project:
            states = dict(_build(project))
    assert states == {
        "first": State.RESTORED,
        "each@x": State.RESTORED,
        "each@y": State.RESTORED,
        "own": State.RESTORED,
    }
    assert Path("x.txt").read_text() == "x\n"


@pytest.mark.usefixtures("dvc_project")
def test_without_the_run_cache_all_that_changed_runs() -> None:
    for text in ("x\n", "other\n", "x\n"):
        Path("a.txt").write_text(text)
        with dvc_repo.opened(use_run_cache=False) as project:
            states = dict(_build(project))
    assert set(states.values()) == {State.TO_RUN}


@pytest.mark.usefixtures("dvc_project")
def test_a_changed_value_changes_its_stage() -> None:
    with dvc_repo.opened() as project:
        dict(_build(project))
    Path("params.yaml").write_text(PARAMS.replace("plain", "fast"))
    with dvc_repo.opened() as project:
        assert project.start("first") is State.TO_RUN
        _run("cp a.txt b.txt")
        project.finish("first")
        assert project.start("each@x") is State.UNCHANGED


@pytest.mark.usefixtures("dvc_project")
def test_finished_stages_are_recorded_when_the_build_is_stopped() -> None:
    with pytest.raises(KeyboardInterrupt):
        _stop_in_the_second_stage()
    with dvc_repo.opened() as project:
        states = dict(_build(project))
    assert states["first"] is State.UNCHANGED
    assert states["each@x"] is State.TO_RUN


def _stop_in_the_second_stage() -> None:
    with dvc_repo.opened() as project:
        assert project.start("first") is State.TO_RUN
        _run("cp a.txt b.txt")
        project.finish("first")
        assert project.start("each@x") is State.TO_RUN
        raise KeyboardInterrupt


@pytest.mark.usefixtures("dvc_project")
def test_a_missing_output_is_named() -> None:
    with dvc_repo.opened() as project:
        project.start("first")
        with pytest.raises(DvcError, match=r"^dvc: output 'b\.txt' does not exist"):
            project.finish("first")


@pytest.mark.usefixtures("dvc_project")
def test_another_dvc_works_beside_a_build_but_not_on_the_same_outputs() -> None:
    with dvc_repo.opened() as project:
        project.start("first")
        assert _dvc("dag").returncode == 0
        other = _dvc("repro", "first")
        assert other.returncode != 0
        assert "is busy, it is being blocked by" in other.stderr


@pytest.mark.usefixtures("dvc_project")
def test_entries_of_stages_that_did_not_run_stay_as_they_are() -> None:
    with dvc_repo.opened() as project:
        dict(_build(project))
    record = Path("dvc.lock").read_text()
    Path("y.txt").unlink()
    with dvc_repo.opened() as project:
        states = dict(_build(project))
    assert states["each@y"] is State.RESTORED
    assert Path("dvc.lock").read_text() == record


@pytest.mark.usefixtures("dvc_project")
def test_what_another_dvc_records_in_between_stays() -> None:
    with dvc_repo.opened() as project:
        dict(_build(project))
        project.write_lock()
        other = "  other:\n    cmd: true\n"
        lock = Path("dvc.lock")
        lock.write_text(lock.read_text() + other + "datasets: []\n")
        Path("a.txt").write_text("changed\n")
        project.start("first")
        _run("cp a.txt b.txt")
        project.finish("first")
    assert lock.read_text().endswith(other + "datasets: []\n")
    md5 = hashlib.md5(b"changed\n", usedforsecurity=False).hexdigest()
    assert md5 in lock.read_text()


@pytest.mark.usefixtures("dvc_project")
def test_a_project_that_dvc_cannot_read_is_one_line() -> None:
    Path("dvc.yaml").write_text("stages: [")
    with pytest.raises(DvcError, match=r"^dvc: .*dvc\.yaml"), dvc_repo.opened():
        pass
