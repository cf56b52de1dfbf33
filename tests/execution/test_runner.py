"""A stage's output is published atomically, with the planned tools, and without noise."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.errors import EdgebakeError, GateError, HostError, PlanError
from edgebake.execution import runner
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from edgebake.stages.job import Job
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from tests.stages import alone

VARIANT = "digits-ds_cnn"
PRUNE = artifacts.folder("prune", VARIANT)
LOG = artifacts.ROOT / "prune" / f"{VARIANT}.log"
CHATTY = """
from edgebake.execution import runner
from edgebake.stages import prune


def stage(job):
    print("printed noise")
    return "done"


prune.run = stage
runner.run("prune", "digits-ds_cnn")
"""

Stage = Callable[[Job[Any]], str]


@pytest.fixture(autouse=True)
def _in_a_planned_folder(tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    planner.write(planned)


@pytest.fixture
def run_as_prune(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stage], None]:
    """Run a function in the place of prune."""

    def run(stage: Stage) -> None:
        monkeypatch.setattr("edgebake.stages.prune.run", stage)
        runner.run("prune", VARIANT)

    return run


def _failing(error: BaseException) -> Stage:
    """Return a stage that writes half of its output and raises."""

    def stage(job: Job[Any]) -> str:
        (job.out / "model.keras").write_bytes(b"half")
        raise error

    return stage


def _writing(content: bytes) -> Stage:
    def stage(job: Job[Any]) -> str:
        (job.out / "model.keras").write_bytes(content)
        return f"{len(content)} bytes"

    return stage


def _nothing_is_left() -> bool:
    return not PRUNE.exists() and list(artifacts.PARTIAL.iterdir()) == []


def test_output_is_published_with_its_sums_and_told_in_one_line(
    run_as_prune: Callable[[Stage], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_as_prune(_writing(b"abc"))
    assert artifacts.verify(PRUNE) == PRUNE
    assert sorted(artifacts.read_files(PRUNE)) == ["SHA256SUMS", "model.keras"]
    assert capsys.readouterr().out == "prune digits-ds_cnn: 3 bytes\n"


def test_a_stage_gets_its_variant_its_typed_parameters_and_an_empty_folder(
    run_as_prune: Callable[[Stage], None],
) -> None:
    jobs: list[Job[Any]] = []
    found: list[Path] = []

    def stage(job: Job[Any]) -> str:
        jobs.append(job)
        found.extend(job.out.iterdir())
        return ""

    run_as_prune(stage)
    assert (jobs[0].variant, jobs[0].params.method, jobs[0].params.train) == (
        VARIANT,
        "none",
        VARIANT,
    )
    assert found == []


def test_validate_publishes_below_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebake.stages.validate.run", _writing(b"abc"))
    runner.run("validate", "digits-ds_cnn-float16-coreml-ios")
    assert artifacts.verify(Path("artifacts/validate/ios/digits-ds_cnn-float16-coreml-ios"))
    assert Path("artifacts/validate/ios/digits-ds_cnn-float16-coreml-ios.log").exists()


def test_a_stage_that_raises_leaves_nothing_and_names_its_log(
    run_as_prune: Callable[[Stage], None],
) -> None:
    with pytest.raises(EdgebakeError) as failed:
        run_as_prune(_failing(ValueError("no such layer")))
    assert str(failed.value) == (
        "prune digits-ds_cnn: ValueError: no such layer; the traceback is in "
        "artifacts/prune/digits-ds_cnn.log"
    )
    assert _nothing_is_left()
    assert LOG.exists()


def test_the_log_that_is_named_tells_where_it_was_raised() -> None:
    program = CHATTY.replace('return "done"', "return [][0]")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    log = LOG.read_text()
    assert "in stage\n" in log
    assert log.endswith("IndexError: list index out of range\n")


def test_a_mistake_of_the_user_is_told_as_it_is(run_as_prune: Callable[[Stage], None]) -> None:
    with pytest.raises(GateError, match=r"^the table$"):
        run_as_prune(_failing(GateError("the table")))
    assert _nothing_is_left()


def test_a_missing_file_is_told_by_its_name(run_as_prune: Callable[[Stage], None]) -> None:
    with pytest.raises(HostError, match=r"^nowhere/model\.keras: No such file or directory$"):
        run_as_prune(lambda _: Path("nowhere/model.keras").read_text())
    assert _nothing_is_left()


def test_a_log_that_cannot_be_written_is_told_by_its_folder(
    run_as_prune: Callable[[Stage], None],
) -> None:
    artifacts.ROOT.mkdir(exist_ok=True)
    (artifacts.ROOT / "prune").write_text("a file where a folder belongs")
    with pytest.raises(HostError, match=r"^artifacts/prune: File exists$"):
        run_as_prune(_writing(b"abc"))


def test_ctrl_c_leaves_nothing(run_as_prune: Callable[[Stage], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_as_prune(_failing(KeyboardInterrupt()))
    assert _nothing_is_left()


def test_a_failure_keeps_the_output_of_the_run_before(
    run_as_prune: Callable[[Stage], None],
) -> None:
    run_as_prune(_writing(b"abc"))
    with pytest.raises(EdgebakeError):
        run_as_prune(_failing(ValueError()))
    artifacts.verify(PRUNE)
    assert (PRUNE / "model.keras").read_bytes() == b"abc"


def test_another_version_of_a_tool_than_planned_is_refused_before_the_stage_runs(
    planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Job[Any]] = []
    monkeypatch.setattr("edgebake.stages.quantize.run", ran.append)
    installed = planned["quantize"]["digits-ds_cnn-int8"]["tools"]["pillow"]
    alone.set_param("quantize", "digits-ds_cnn-int8", "tools", "pillow", value="0.0.1")
    with pytest.raises(PlanError) as refused:
        runner.run("quantize", "digits-ds_cnn-int8")
    assert str(refused.value) == (
        "params.yaml: quantize.digits-ds_cnn-int8.tools.pillow: planned with 0.0.1, installed is "
        f"{installed}; expected the same: run `edgebake plan`"
    )
    assert ran == []
    assert not artifacts.folder("quantize", "digits-ds_cnn-int8").exists()


def test_a_variant_that_is_not_planned_is_refused() -> None:
    with pytest.raises(
        PlanError,
        match="no such variant; expected one of: digits-ds_cnn, "
        "digits-ds_cnn-channels; did you mean",
    ):
        runner.run("prune", "digits-ds_cn")


def test_noise_of_libraries_is_in_the_log_and_not_on_the_terminal(
    run_as_prune: Callable[[Stage], None], capfd: pytest.CaptureFixture[str]
) -> None:
    def stage(job: Job[Any]) -> str:
        os.write(1, b"noise\n")
        os.write(2, b"noise of errors\n")
        return "done"

    run_as_prune(stage)
    assert capfd.readouterr() == ("prune digits-ds_cnn: done\n", "")
    assert LOG.read_text() == "noise\nnoise of errors\n"


def test_progress_of_a_stage_reaches_the_build_that_started_it(
    run_as_prune: Callable[[Stage], None], capfd: pytest.CaptureFixture[str]
) -> None:
    def stage(_: Job[Any]) -> str:
        progress.report(30, 30, "epochs", "accuracy 0.9312")
        return "done"

    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        run_as_prune(stage)
    assert shown == [Progress(30, 30, "epochs", "accuracy 0.9312")]
    assert capfd.readouterr() == ("prune digits-ds_cnn: done\n", "")


def test_printed_noise_is_in_the_log_and_not_on_the_terminal() -> None:
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [sys.executable, "-c", CHATTY], capture_output=True, text=True, check=True, env=buffered
    )
    assert done.stdout == "prune digits-ds_cnn: done\n"
    assert LOG.read_text() == "printed noise\n"
