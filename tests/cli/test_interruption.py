"""Ctrl-C, SIGTERM and SIGHUP: one line, the exit code of a shell, and nothing half-written."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.cli import interruption
from edgebake.cli.main import main
from tests import builds


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    """Undo what the shell of a background job or `nohup` set: signals that are ignored."""
    before = {number: signal.getsignal(number) for number in interruption.SIGNALS}
    for number in interruption.SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_is_one_line_and_a_code(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    code: int,
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr("edgebake.recipe.files.targets", lambda: os.kill(os.getpid(), number))
    assert main(["list"]) == code
    assert capsys.readouterr() == ("", f"edgebake: stopped by {number.name}\n")
    assert signal.getsignal(number) is before


def test_an_interrupt_that_a_library_raises_is_sigint(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgebake.recipe.files.targets", interrupt)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "edgebake: stopped by SIGINT\n"


def test_a_second_signal_does_not_disturb_the_clean_up() -> None:
    cleaned = []

    def stop_twice() -> None:
        with interruption.raise_on_signals():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned.append("all")

    with pytest.raises(interruption.Stopped):
        stop_twice()
    assert cleaned == ["all"]


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.raise_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_folder_that_a_signal_interrupts_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = artifacts.folder("train", "x")

    def write_half() -> None:
        with interruption.raise_on_signals(), artifacts.publish(folder) as out:
            (out / "model").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(interruption.Stopped):
        write_half()
    assert [path for path in Path().rglob("*") if path.is_file()] == []
    assert not folder.exists()
    assert list(artifacts.PARTIAL.iterdir()) == []


def test_a_closed_terminal_is_no_error(project: Path) -> None:
    """Standard output and standard error end at a pipe that nobody reads any more."""
    code = "import os; from edgebake.cli import interruption, list as verb\n" + (
        "from edgebake.cli.main import main\n"
        "import edgebake.recipe.files as files, signal, sys\n"
        "files.targets = lambda: os.kill(os.getpid(), signal.SIGHUP)\n"
        "os._exit(main(['list']))\n"
    )
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=write,
        stderr=write,
        env=builds.environment(builds.ROOT),
    ) as child:
        os.close(write)
        os.close(read)
    assert child.returncode == 129
