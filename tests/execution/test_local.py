"""Scheme search in a build: `dvc repro` stops for a new candidate, `edgebake build` goes on."""

import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from edgebake import artifacts
from edgebake.cli import table
from edgebake.errors import GateError, PlanError
from edgebake.execution import local
from edgebake.execution.local import BuildOptions
from edgebake.plan import planner
from edgebake.recipe.stage_params import read_plan
from edgebake.stages import verdicts
from tests.bundle import whole
from tests.plan.test_scheme_search import (
    MISSED,
    fates,
    put_candidates,
    put_target,
    refused,
    release,
)
from tests.stages import alone

PASSES = 1.0
NOTE = "x: next candidate\n"


@pytest.fixture
def planned_auto(project: Path) -> None:
    """A planned release of one target, `x`, with the candidates dynamic, int8 and float16."""
    put_candidates("dynamic", "int8", "float16")
    put_target("x")
    release("x")
    planner.update()


def _dvc_finds(monkeypatch: pytest.MonkeyPatch, *accuracies: float) -> list[str]:
    """Replace each run of DVC by package's verdict on an accuracy; return the variants of `x`."""
    left = list(accuracies)
    built: list[str] = []

    def repro(*_: object) -> int:
        planned = read_plan()
        validate = planned["package"]["android"]["targets"]["x"]["validate"]
        built.append(planned["convert"][planned["validate"][validate]["convert"]]["quantize"])
        accuracy = left.pop(0)
        if accuracy == PASSES:
            return 0
        refused(x=accuracy)
        return 1

    monkeypatch.setattr(local, "_run_stages", repro)
    monkeypatch.setattr(local, "_check_tools", lambda: None)
    return built


def _dvc_fails(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace DVC by a run that fails before any gate; return a list that counts the runs."""
    runs: list[str] = []

    def repro(*_: object) -> int:
        runs.append("dvc")
        return 1

    monkeypatch.setattr(local, "_run_stages", repro)
    monkeypatch.setattr(local, "_check_tools", lambda: None)
    return runs


def _built() -> tuple[int, str]:
    shown = io.StringIO()
    return local.build(
        Console(file=shown, width=200), BuildOptions(fail_fast=True)
    ), shown.getvalue()


@pytest.mark.usefixtures("planned_auto")
def test_repro_stops_once_for_a_step_down() -> None:
    assert planner.update(in_repro=True) == []
    refused(x=0.9)
    with pytest.raises(PlanError) as stopped:
        planner.update(in_repro=True)
    again, *listing = str(stopped.value).splitlines()
    assert (
        again == "params.yaml: the variants of the release changed; "
        "the file was written again: run `dvc repro` again"
    )
    assert {"+ quantize.digits-ds_cnn-int8", "- quantize.digits-ds_cnn-dynamic"} <= set(listing)
    assert fates() == {"dynamic": [MISSED], "int8": []}
    assert planner.update(in_repro=True) == []


@pytest.mark.usefixtures("planned_auto")
def test_a_build_goes_down_until_every_gate_passes_and_tells_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = _dvc_finds(monkeypatch, 0.9, 0.92, PASSES)
    code, shown = _built()
    assert code == 0
    assert built == ["digits-ds_cnn-dynamic", "digits-ds_cnn-int8", "digits-ds_cnn-float16"]
    second = "int8     accuracy at least 0.95: 0.92, missed by 0.03"
    assert shown == (
        f"{NOTE}  dynamic  {MISSED}\n  int8     taken\n{NOTE}  dynamic  {MISSED}\n  "
        f"{second}\n  float16  taken\n"
    )


@pytest.mark.usefixtures("planned_auto")
def test_a_build_goes_on_where_convert_refuses_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = "digits-ds_cnn-dynamic-litert"
    codes = [1, 0]

    def run_stages(*_: object) -> int:
        if len(codes) == 2:
            verdicts.reject_converted(variant, f"convert {variant}: model.tflite: 0 of 8 as before")
        return codes.pop(0)

    monkeypatch.setattr(local, "_run_stages", run_stages)
    monkeypatch.setattr(local, "_check_tools", lambda: None)
    code, shown = _built()
    assert (code, codes) == (0, [])
    assert shown == f"{NOTE}  dynamic  model.tflite: 0 of 8 as before\n  int8     taken\n"


@pytest.mark.usefixtures("planned_auto")
def test_a_build_without_a_candidate_left_says_what_each_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = _dvc_finds(monkeypatch, 0.9, 0.9, 0.9)
    with pytest.raises(
        GateError,
        match=rf"^x: no option .*\n  dynamic  {MISSED}\n  int8     {MISSED}\n  float16  {MISSED}$",
    ):
        _built()
    assert len(built) == 3


@pytest.mark.usefixtures("planned_auto")
def test_a_build_that_fails_before_its_gates_takes_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _dvc_fails(monkeypatch)
    assert _built() == (1, "")
    assert (runs, fates()) == (["dvc"], {"dynamic": []})


@pytest.mark.usefixtures("planned_auto")
def test_a_build_that_stops_leaves_no_bundle_without_its_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = _dvc_fails(monkeypatch)
    whole.write("android", b"{}")
    assert _built() == (1, "")
    shutil.rmtree("artifacts/package/android.proof")
    missing = "artifacts/package/android.proof is missing"
    assert _built() == (1, f"bundle android: removed, because {missing}\n")
    assert runs == ["dvc", "dvc"]
    assert artifacts.read_files(artifacts.ROOT / "package") == {}


def test_a_build_without_a_ladder_runs_dvc_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = _dvc_fails(monkeypatch)
    assert _built() == (1, "")
    assert runs == ["dvc"]


@pytest.mark.usefixtures("planned_auto")
def test_the_table_shows_the_candidates_of_each_target() -> None:
    refused(x=0.9)
    planner.update()
    shown = io.StringIO()
    table.show(Console(file=shown, width=200))
    assert (
        f"candidates of x:\n  dynamic  {MISSED}\n  int8     taken\nbundle android: none"
        in shown.getvalue()
    )


@pytest.mark.usefixtures("planned_auto")
def test_a_stale_plan_is_told_after_a_verdict() -> None:
    planner.check()
    refused(x=0.9)
    with pytest.raises(
        PlanError, match=r"^params\.yaml: out of date; .*\n\+ quantize\.digits-ds_cnn-int8\n"
    ):
        planner.check()
    assert fates() == {"dynamic": []}


@pytest.mark.usefixtures("planned_auto")
def test_a_clone_that_has_measured_nothing_takes_the_same_rung() -> None:
    refused(x=0.9)
    planner.update()
    shutil.rmtree(artifacts.ROOT)
    planner.check()
    assert planner.update() == []
    assert fates() == {"dynamic": [MISSED], "int8": []}


@pytest.mark.usefixtures("planned_auto")
def test_what_an_experiment_missed_rules_out_no_rung_of_the_recipe() -> None:
    alone.set_param("train", "digits-ds_cnn", "epochs", value=3)  # as `dvc exp run -S` does
    refused(x=0.9)
    planner.update()
    assert read_plan()["train"]["digits-ds_cnn"]["epochs"] == 30
    assert fates() == {"dynamic": []}


def test_a_user_without_a_name_gets_one_for_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert local._user_name() == {"LOGNAME": f"user-{os.getuid()}"}
