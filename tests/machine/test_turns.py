"""Two processes take turns: those that compute side by side, and one that times alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebake.errors import HostError
from edgebake.machine import turns
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress

LIMIT_S = 30.0  # of a test that waits for another process
PROGRAM = """
import sys
from edgebake.machine import turns
from edgebake.terminal import progress
turns.REPORT_S = 0.0
holder, *arguments = sys.argv[1:]
with progress.reported_to(lambda _: print("waits", flush=True)):
    with getattr(turns, holder)(*arguments) as held:
        print("holds", held, flush=True)
        sys.stdin.readline()
print("ended", flush=True)
"""


class Other:
    """Another process that holds the machine until `end`."""

    def __init__(self, *holder: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it prints, when it does."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.close()
        assert self.line() == "ended"
        assert self.process.wait(LIMIT_S) == 0


@pytest.fixture(autouse=True)
def lock_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(turns.RUNTIME_FOLDER, str(tmp_path))
    monkeypatch.setattr(turns, "REPORT_S", 0.0)
    return tmp_path / f"edgebake-{os.getuid()}"


@pytest.fixture
def others() -> Iterator[list[Other]]:
    """Processes to end if the test fails."""
    started: list[Other] = []
    yield started
    for other in started:
        other.process.kill()
        other.process.wait()


def _start(others: list[Other], *holder: str) -> Other:
    other = Other(*holder)
    others.append(other)
    return other


def test_stages_compute_side_by_side(others: list[Other]) -> None:
    with turns.working():
        other = _start(others, "working")
        assert other.line() == "holds None"
        other.end()


def test_a_timing_waits_for_a_stage_and_then_is_alone(others: list[Other]) -> None:
    with turns.working():
        other = _start(others, "alone")
        assert other.line() == "waits"
    assert other.line() == "holds True"
    other.end()


def test_a_stage_waits_for_a_timing_and_says_so(others: list[Other]) -> None:
    with turns.alone() as is_alone:
        assert is_alone
        other = _start(others, "working")
        assert other.line() == "waits"
    assert other.line() == "holds None"
    other.end()


def test_a_timing_goes_on_beside_a_stage_after_its_limit(others: list[Other]) -> None:
    other = _start(others, "working")
    assert other.line() == "holds None"
    reports: list[Progress] = []
    start = time.monotonic()
    with progress.reported_to(reports.append), turns.alone(limit_s=0.3) as is_alone:
        assert not is_alone
    assert time.monotonic() - start >= 0.3
    assert reports == [Progress(0, 1, "turns", "waits for other stages to end, at most 0.3 s")]
    other.end()


def test_a_stage_that_starts_while_a_timing_waits_waits_too(others: list[Other]) -> None:
    """Stages that overlap without end would otherwise starve it."""
    with turns.working():
        timing = _start(others, "alone")
        assert timing.line() == "waits"
        later = _start(others, "working")
        assert later.line() == "waits"
    assert timing.line() == "holds True"
    timing.end()
    assert later.line() == "holds None"
    later.end()


def test_two_timings_follow_each_other(others: list[Other]) -> None:
    with turns.alone():
        other = _start(others, "alone")
        assert other.line() == "waits"
    assert other.line() == "holds True"
    other.end()


@pytest.mark.parametrize("holder", ["working", "alone"])
def test_the_locks_of_a_killed_process_are_released(others: list[Other], holder: str) -> None:
    other = _start(others, holder)
    assert other.line().startswith("holds")
    other.process.send_signal(signal.SIGKILL)
    other.process.wait(LIMIT_S)
    with turns.alone(limit_s=0.0) as is_alone:
        assert is_alone


def test_a_process_that_computes_can_time_and_goes_on_computing(others: list[Other]) -> None:
    with turns.working():
        with turns.alone(limit_s=0.0) as is_alone:
            assert is_alone
        other = _start(others, "alone")
        assert other.line() == "waits"
    other.process.kill()


def test_a_nested_stage_holds_what_the_outer_one_does(others: list[Other]) -> None:
    with turns.working():
        with turns.working():
            pass
        other = _start(others, "alone")
        assert other.line() == "waits"
    other.process.kill()


def test_a_timing_on_its_own_core_runs_beside_a_stage_but_not_beside_another(
    others: list[Other],
) -> None:
    with turns.working():
        timing = _start(others, "timing")
        assert timing.line() == "holds None"
        second = _start(others, "timing")
        assert second.line() == "waits"
        timing.end()
        assert second.line() == "holds None"
        second.end()


def test_a_device_is_one_build_s_at_a_time_and_this_machine_is_free(others: list[Other]) -> None:
    other = _start(others, "device", "ssh:board:22")
    assert other.line() == "holds None"
    with turns.device("ssh:elsewhere:22", limit_s=0.0):
        pass
    with turns.alone(limit_s=0.0) as is_alone:
        assert is_alone
    busy = r"^another build times files on it, for 0\.2 s or longer$"
    with pytest.raises(turns.BusyError, match=busy), turns.device("ssh:board:22", limit_s=0.2):
        pass
    other.end()


def test_the_files_are_in_a_private_folder_of_the_user(lock_folder: Path) -> None:
    with turns.working():
        assert sorted(file.name for file in lock_folder.iterdir()) == ["turnstile", "work"]
    assert lock_folder.stat().st_mode & 0o777 == 0o700


def test_without_a_runtime_folder_they_are_in_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    expected = tmp_path / f"tmp/edgebake-{os.getuid()}"
    for runtime in ("", "relative", str(tmp_path / "absent")):
        monkeypatch.setenv(turns.RUNTIME_FOLDER, runtime)
        assert turns.folder() == expected
    monkeypatch.delenv(turns.RUNTIME_FOLDER)
    assert turns.folder() == expected


def test_a_file_or_link_in_place_of_the_folder_is_refused(lock_folder: Path) -> None:
    lock_folder.symlink_to("/tmp")
    expected = f"{lock_folder}: not a folder of this user; expected one for lock files"
    with pytest.raises(HostError) as refused:
        turns.folder()
    assert str(refused.value) == expected
    lock_folder.unlink()
    lock_folder.touch()
    with pytest.raises(HostError, match="File exists; expected a folder for lock files"):
        turns.folder()
