"""Processes of tasks, forked or new ones: output, exit codes, progress, and their end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgebake.execution import warm_server
from edgebake.execution.local_pool import LocalPool, StageEnvironment
from edgebake.execution.policy import Limits
from edgebake.execution.task import Outcome, Task
from edgebake.machine import turns
from edgebake.plan import code_digest, planner
from edgebake.recipe.stage_params import Plan
from edgebake.terminal.progress import Progress


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    opened = LocalPool(
        Limits(2, 100.0), StageEnvironment({**os.environ, "EDGEBAKE_TEST": "seen"}, {})
    )
    yield opened
    opened.close()


@pytest.fixture(params=[False, True], ids=["forked", "new"])
def is_light(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run a test with a task that waits for the warm server, and with one that does not."""
    is_light: bool = request.param
    monkeypatch.setattr(warm_server, "is_warm", lambda: not is_light)
    return is_light


def _shell(command: str) -> Task:
    return Task("own", "own", "", (), shell=command)


def _outcome(pool: LocalPool, task: Task) -> Outcome:
    return pool.start(task, lambda _: None).result(timeout=300)


def test_a_command_of_edgebake_runs_as_on_the_command_line(pool: LocalPool, is_light: bool) -> None:
    task = Task("version", "version", "", ("--version",), is_light=is_light)
    outcome = _outcome(pool, task)
    assert outcome.code == 0
    assert outcome.output.startswith("edgebake ")


def test_a_user_error_is_its_message_and_code_1(pool: LocalPool, is_light: bool) -> None:
    task = Task("train@no", "train", "no", ("train", "no"), is_light=is_light)
    outcome = _outcome(pool, task)
    assert outcome.code == 1
    assert outcome.output.startswith("edgebake: ")
    assert "Traceback" not in outcome.output


def test_another_command_runs_in_a_shell_with_the_environment_of_the_build(pool: LocalPool) -> None:
    outcome = _outcome(pool, _shell("echo $EDGEBAKE_TEST $DVC_STAGE; exit 3"))
    assert (outcome.code, outcome.output) == (3, "seen own\n")


def test_a_killed_process_has_the_code_of_its_signal(pool: LocalPool) -> None:
    assert _outcome(pool, _shell("kill -9 $PPID")).code == -9


def test_what_a_command_leaves_running_ends_with_it(pool: LocalPool, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    outcome = _outcome(pool, _shell(f"sleep 600 & echo $! > {file}"))
    assert outcome.code == 0
    _wait_until_gone(int(file.read_text()))


def test_processes_that_end_at_the_same_time_keep_their_exit_codes(pool: LocalPool) -> None:
    """Guards against a library that reaps the process of another thread when it starts one."""
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: _outcome(pool, _shell("exit 3")), range(64)))
    assert {outcome.code for outcome in outcomes} == {3}


@pytest.mark.usefixtures("project")
def test_closing_ends_a_new_process(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    planner.write(planned)
    code_digest.write(planned)
    monkeypatch.setattr(warm_server, "is_warm", lambda: False)
    opened = LocalPool(Limits(1, 100.0), StageEnvironment(dict(os.environ), {}))
    task = Task("data@digits", "data", "digits", ("data", "digits"), is_light=True)
    with turns.alone():  # the stage waits
        opened.start(task, lambda _: None)
        while not opened.processes():
            time.sleep(0.05)
        (process,) = opened.processes()
        opened.close()
        _wait_until_gone(process)


def test_two_tasks_run_side_by_side_in_processes_of_their_own(pool: LocalPool) -> None:
    shown: list[Progress] = []
    first = pool.start(_shell("sleep 0.2; echo first"), shown.append)
    second = pool.start(_shell("echo second"), shown.append)
    assert (first.result(300).output, second.result(300).output) == ("first\n", "second\n")


@pytest.mark.usefixtures("project")
def test_the_progress_of_a_stage_arrives(planned: Plan, is_light: bool) -> None:
    planner.write(planned)
    code_digest.write(planned)
    opened = LocalPool(Limits(1, 100.0), StageEnvironment(dict(os.environ), {}))
    shown: list[Progress] = []
    task = Task("data@digits", "data", "digits", ("data", "digits"), is_light=is_light)
    outcome = opened.start(task, shown.append).result(timeout=300)
    opened.close()
    assert outcome.output.startswith("data digits: 1,797 examples")
    assert shown[-1] == Progress(1797, 1797, "examples")


def test_a_stage_gets_no_key_but_package_the_one_that_encrypts() -> None:
    package = {"signature": {"key": "env:SIGNING_KEY"}, "encryption_key": "env:MODEL_KEY"}
    variables = {"SIGNING_KEY": "s", "MODEL_KEY": "m", "EDGEBAKE_HSM_PIN": "p", "OTHER": "o"}
    environment = StageEnvironment(variables, {"package": {"android": package}})
    train = environment.of_task(Task("train@a", "train", "a", ("train", "a")))
    assert train == {"OTHER": "o", "DVC_STAGE": "train@a"}
    packaging = environment.of_task(Task("package@android", "package", "android", ()))
    assert packaging == {"OTHER": "o", "MODEL_KEY": "m", "DVC_STAGE": "package@android"}


def test_closing_ends_every_process(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    opened = LocalPool(Limits(2, 100.0), StageEnvironment(dict(os.environ), {}))
    opened.start(_shell(f"echo $$ > {file}; sleep 600"), lambda _: None)
    deadline = time.monotonic() + 300
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    opened.close()
    _wait_until_gone(int(file.read_text()))


BUILDER = """\
import os
import sys
import time
from edgebake.execution.local_pool import LocalPool, StageEnvironment
from edgebake.execution.policy import Limits
from edgebake.execution.task import Task

pool = LocalPool(Limits(1, 100.0), StageEnvironment(dict(os.environ), {}))
shell = f"echo $$ > {sys.argv[1]}; sleep 600"
pool.start(Task("own", "own", "", (), shell=shell), lambda _: None)
time.sleep(600)
"""


def test_a_task_ends_when_its_build_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", BUILDER, str(file)], cwd=tmp_path) as builder:
        deadline = time.monotonic() + 300
        while not file.exists() or not file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        builder.kill()
    _wait_until_gone(int(file.read_text()))


def _wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {process} is still there")
