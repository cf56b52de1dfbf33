"""Guards builds that are killed or stopped: the same command goes on, and nothing is left behind.

Slow: it builds a small release twice. `python -m tests.kills 50` kills 50 times.
"""

import os
import pty
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import builds, kills

KILLS = range(4)  # seeds; one of them while dvc.lock is written
SHOW_CURSOR = "\x1b[?25h"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a release of one small target; not to be edited."""
    return kills.prepare(tmp_path_factory.mktemp("kills"))


def test_the_same_command_builds_the_same_bytes_after_every_kill(
    source: Path, tmp_path: Path
) -> None:
    expected, seconds = kills.reference(source, tmp_path / "reference")
    clone = builds.clone(source, tmp_path / "clone")
    assert kills.kill_several_times(clone, seconds, KILLS) != []
    kills.assert_same(clone, expected)


def test_sigterm_ends_a_build_and_its_stages_and_restores_the_terminal(
    source: Path, tmp_path: Path
) -> None:
    clone = builds.clone(source, tmp_path / "clone")
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "edgebake", "build"]
    environment = builds.environment(clone) | {"TERM": "xterm"}
    with ThreadPoolExecutor() as threads:
        # A terminal that nobody reads would hold the build up.
        reading = threads.submit(_read, terminal)
        with subprocess.Popen(command, cwd=clone, env=environment, stdout=end, stderr=end) as build:
            os.close(end)
            partial = clone / "artifacts/.partial/train-digits-ds_cnn"
            _wait_for(partial)
            family = kills.family(build.pid)
            build.send_signal(signal.SIGTERM)
        output = reading.result()
    assert len(family) >= 3  # edgebake, the server and the stage
    assert build.returncode == 143
    assert output.endswith("edgebake: stopped by SIGTERM\r\n")
    assert SHOW_CURSOR in output
    _wait_until_ended(family)
    assert not partial.exists()

    arguments = ("train", "digits-ds_cnn")
    with subprocess.Popen(
        [sys.executable, "-m", "edgebake", *arguments], cwd=clone, env=environment
    ) as stage:
        _wait_for(partial)
        stage.send_signal(signal.SIGTERM)
    assert stage.returncode == 143
    assert not partial.exists()
    assert not (clone / "artifacts/train/digits-ds_cnn").exists()


def _wait_for(folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _wait_until_ended(processes: list[int]) -> None:
    """Wait for processes that notice the end of the build by themselves, as its server does."""
    deadline = time.monotonic() + 10
    while any(_is_running(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _read(terminal: int) -> str:
    """Return what is written to a terminal until its last writer has ended."""
    output = b""
    while True:
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # Linux: no writer is left
            break
        if not chunk:
            break
        output += chunk
    os.close(terminal)
    return output.decode()


def _is_running(process: int) -> bool:
    listing = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(listing.stdout.strip()) and not listing.stdout.startswith("Z")
