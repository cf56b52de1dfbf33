"""A child that ends takes its own children with it, however its parent ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebake.execution import child_group, parent_watch

# Starts a process that writes its number into a file, and waits for it.
GRANDPARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""
SLEEPER = """
import os, sys, time
from pathlib import Path
Path(sys.argv[1] + ".new").write_text(str(os.getpid()))
Path(sys.argv[1] + ".new").rename(sys.argv[1])
time.sleep(60)
"""
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}"


def _number_in(file: Path) -> int:
    """Return the process that writes its number into a file."""
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(file.read_text())


def _wait_for_end(process: int) -> None:
    deadline = time.monotonic() + 20
    while _is_running(process):
        assert time.monotonic() < deadline, f"process {process} is left"
        time.sleep(0.01)


def _is_running(process: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")  # Z: ended, and not waited for


def test_the_whole_group_ends_with_the_block(tmp_path: Path) -> None:
    file = tmp_path / "number"
    command = [sys.executable, "-c", GRANDPARENT, SLEEPER, str(file)]

    def fail() -> None:
        with child_group.running(command):
            _number_in(file)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    _wait_for_end(_number_in(file))


def test_a_process_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_group, "GRACE", 0.2)
    file = tmp_path / "number"
    with child_group.running([sys.executable, "-c", DEAF, str(file)]) as child:
        _number_in(file)
    assert child.returncode == -signal.SIGKILL


def test_a_child_that_has_ended_keeps_its_exit_code() -> None:
    with child_group.running([sys.executable, "-c", "raise SystemExit(3)"]) as child:
        child.wait()
    assert child.returncode == 3


def test_a_group_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    """The parent, killed by SIGKILL, cannot end anything itself."""
    file = tmp_path / "number"
    module = tmp_path / "sleeper.py"
    module.write_text(SLEEPER)
    command = child_group.python_module("sleeper", str(file))
    parent_code = f"import subprocess; subprocess.run({command!r}, start_new_session=True)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", parent_code], env=environment) as parent:
        child = _number_in(file)
        parent.kill()
    _wait_for_end(child)


def test_a_stage_cleans_up_when_dvc_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "number"
    root = Path(parent_watch.__file__).parents[2]
    stage = (
        "from edgebake.execution import parent_watch\n"
        "from edgebake.cli import interruption\n"
        "import sys\nfrom pathlib import Path\n"
        "parent_watch.start(parent_watch.end_process)\n"
        "try:\n"
        "    with interruption.raise_on_signals():\n"
        f"        exec({SLEEPER!r})\n"
        "except interruption.Stopped as stopped:\n"
        "    Path(sys.argv[1] + '.stopped').write_text(stopped.signal.name)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", GRANDPARENT, stage, str(file)]
    with subprocess.Popen(command, env=environment) as dvc:
        child = _number_in(file)
        dvc.kill()
    _wait_for_end(child)
    assert (tmp_path / "number.stopped").read_text() == "SIGTERM"
