"""Output of libraries goes to the log, and text of the console to the terminal."""

import os
import subprocess
import sys
from pathlib import Path

from edgebake.execution.stage_log import quiet
from tests import other_system

NOISY = """
import os, subprocess, sys
from pathlib import Path
from edgebake.execution.stage_log import quiet

print("before")
with quiet(Path("artifacts/train/digits.log")) as console:
    print("printed noise")
    print("printed noise of errors", file=sys.stderr)
    os.write(1, b"noise of a library\\n")
    os.write(2, b"noise of a library's errors\\n")
    subprocess.run(["echo", "noise of a child"])
    console.print("to the terminal")
print("after")
print("after, of errors", file=sys.stderr)
"""
FAILING = """
from pathlib import Path
from edgebake.execution.stage_log import quiet

try:
    with quiet(Path("digits.log")):
        print("noise")
        raise ZeroDivisionError("by zero")
except ZeroDivisionError:
    print("after")
"""


def _python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # or no noise could be left in a buffer
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=folder, env=buffered
    )


def test_the_terminal_gets_what_is_said_to_the_console_and_nothing_else(tmp_path: Path) -> None:
    done = _python(NOISY, tmp_path)
    assert done.stdout == "before\nto the terminal\nafter\n"
    assert done.stderr == "after, of errors\n"


def test_noise_of_every_origin_is_in_the_log(tmp_path: Path) -> None:
    _python(NOISY, tmp_path)
    assert sorted((tmp_path / "artifacts/train/digits.log").read_text().splitlines()) == [
        "noise of a child",
        "noise of a library",
        "noise of a library's errors",
        "printed noise",
        "printed noise of errors",
    ]


def test_a_log_holds_one_run(tmp_path: Path) -> None:
    log = tmp_path / "digits.log"
    log.write_text("noise of the run before\n" * 10)
    with quiet(log):
        os.write(1, b"noise\n")
    assert log.read_text() == "noise\n"


def test_the_terminal_is_back_after_a_failure_and_the_log_tells_it_whole(tmp_path: Path) -> None:
    done = _python(FAILING, tmp_path)
    assert (done.stdout, done.stderr) == ("after\n", "")
    lines = (tmp_path / "digits.log").read_text().splitlines()
    assert lines[:2] == ["noise", "Traceback (most recent call last):"]
    assert lines[-1] == "ZeroDivisionError: by zero"


def test_the_console_is_no_terminal_where_there_is_none(tmp_path: Path) -> None:
    with quiet(tmp_path / "digits.log") as console:
        assert not console.is_terminal


def test_no_file_stays_open(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        other_system.skip("only Linux lists what is open")
    with quiet(tmp_path / "digits.log"):
        pass
    before = len(list(descriptors.iterdir()))
    for _ in range(3):
        with quiet(tmp_path / "digits.log"):
            pass
    assert len(list(descriptors.iterdir())) == before


def test_a_full_disk_ends_the_log_early_and_hides_no_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        other_system.skip("only Linux has a disk that is always full")
    done = _python(FAILING.replace("digits.log", "/dev/full"), tmp_path)
    assert done.stdout.splitlines()[-1] == "after"
