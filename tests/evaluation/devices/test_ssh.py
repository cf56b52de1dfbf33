"""Timings on a board: the OpenSSH client and its real server, on this machine's loopback."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgebake.evaluation.devices import ssh
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingResult
from edgebake.recipe import Ssh
from tests import timings

SERVER = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
CLIENT = shutil.which("ssh")


@dataclass
class Board:
    """An OpenSSH server that lets in whoever has its key."""

    port: int
    identity: Path
    known: Path  # hosts that the client knows
    root: Path
    temporary: Path  # where files are copied to

    def words(self, **words: Any) -> Ssh:
        """Return what a recipe says of it, with other words where given."""
        here = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity": str(self.identity),
        }
        return Ssh(**{**here, "python": sys.executable, **words})

    def measured(self, runtime: str = "litert", **words: Any) -> TimingResult:
        """Measure a handmade file on it."""
        return ssh.measure(
            timings.timing_request(self.root / "job", runtime, where="ssh", ssh=self.words(**words))
        )

    def left(self) -> list[Path]:
        """Return what was not removed there."""
        return list(self.temporary.glob("edgebake*"))

    def reason(self, **words: Any) -> str:
        """Return why nothing was measured."""
        found = self.measured(**words)
        reasons = {metric.reason for metric in found.metrics.values() if metric.value is None}
        assert sorted(found.metrics) == [
            "frames_per_second",
            "latency_p90_ms",
            "peak_memory_mb",
            "speedup",
        ]
        assert len(reasons) == 1
        assert self.left() == []
        return reasons.pop()


def _key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """The server, as the current user on a free port."""
    if not SERVER or not CLIENT:
        pytest.skip(
            "no OpenSSH server or client on this machine; "
            "`apt-get install openssh-server` brings both"
        )
    root = tmp_path_factory.mktemp("board")
    identity, host, port = _key(root / "key"), _key(root / "host_key"), _free_port()
    temporary = root / "temporary"
    temporary.mkdir()
    known = root / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(root / 'host_key.pub').read_text()}")
    config = root / "sshd_config"
    words = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": host,
        "PidFile": root / "pid",
        "UsePAM": "no",
    }
    words |= {
        "AuthorizedKeysFile": root / "key.pub",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
    }
    words |= {"SetEnv": f"TMPDIR={temporary}"}
    if os.geteuid() == 0:
        # As its service does at each start: run by root, it wants this empty folder.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    config.write_text("".join(f"{word} {value}\n" for word, value in words.items()))
    with (root / "log").open("w") as log:
        running = subprocess.Popen([SERVER, "-D", "-e", "-f", str(config)], stderr=log)
    until = time.monotonic() + 10
    while running.poll() is None and not _listens(port) and time.monotonic() < until:
        time.sleep(0.02)
    if running.poll() is not None:
        pytest.skip(f"the OpenSSH server does not start here: {(root / 'log').read_text().strip()}")
    yield Board(port, identity, known, root, temporary)
    running.terminate()
    running.wait()


@pytest.fixture
def board(server: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """The board, and the real `ssh` without this user's own configuration and known hosts."""
    (tmp_path / "bin").mkdir()
    known = tmp_path / "known_hosts"
    known.write_text(server.known.read_text())
    (tmp_path / "config").write_text(
        f"UserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\n"
    )
    client = tmp_path / "bin" / "ssh"
    client.write_text(f'#!/bin/sh\nexec {CLIENT} -F {tmp_path / "config"} "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:/usr/bin:/bin")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return Board(server.port, server.identity, known, tmp_path, server.temporary)


def _program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_file_is_timed_on_the_board_beside_its_baseline_and_nothing_stays(board: Board) -> None:
    found = board.measured()
    p90 = found.metrics["latency_p90_ms"]
    low, high = p90.interval or [0, 0]
    assert 0 < low <= (p90.value or 0) <= high
    assert (p90.where, p90.n, p90.threads) == ("ssh", 30, 1)
    assert (p90.os, p90.device, p90.governor) == (
        stopwatch.os_name(),
        stopwatch.cpu_model(),
        stopwatch.governor(),
    )
    assert p90.runtime.startswith("ai-edge-litert ")
    assert p90.sha256 == stopwatch.digest(board.root / "job" / "files" / "model.tflite")
    assert found.metrics["speedup"].value
    assert found.metrics["throughput_batch_2"].value
    assert "latency_p90_ms_all_threads" in found.metrics
    assert sorted(found.resamples) == [
        "frames_per_second",
        "latency_p90_ms",
        "latency_p95_ms",
        "speedup",
    ]
    assert board.left() == []


def test_onnx_runtime_is_timed_there_too(board: Board) -> None:
    assert (
        board.measured("onnxruntime").metrics["latency_p90_ms"].runtime.startswith("onnxruntime ")
    )


def test_a_key_that_the_board_does_not_know_is_refused(board: Board) -> None:
    reason = board.reason(identity=str(_key(board.root / "another_key")))
    assert reason.startswith("127.0.0.1: ")
    assert "Permission denied" in reason


def test_a_port_where_nobody_listens_is_told(board: Board) -> None:
    assert "Connection refused" in board.reason(port=_free_port())


def test_a_board_whose_key_is_not_known_here_is_not_trusted(board: Board) -> None:
    board.known.write_text("")
    assert board.reason() == "127.0.0.1: Host key verification failed."


def test_a_python_that_is_not_there_is_told(board: Board) -> None:
    reason = board.reason(python="/no/such/python")
    assert "/no/such/python" in reason
    assert "not found" in reason.lower() or "no such file" in reason.lower()


def test_a_python_without_the_runtime_is_told(board: Board) -> None:
    bare = _program(board.root / "bare", f'exec {sys.executable} -I -S "$@"')
    expected = "127.0.0.1: ai_edge_litert or tflite_runtime: not installed for "
    assert board.reason(python=bare).startswith(expected)


def test_a_stopwatch_that_dies_is_told(board: Board) -> None:
    dying = _program(board.root / "dying", "echo Killed >&2; exit 137")
    assert board.reason(python=dying) == "127.0.0.1: Killed"


def test_an_invalid_recording_is_reported(board: Board) -> None:
    vague = _program(board.root / "vague", "echo hello")
    assert board.reason(python=vague) == (
        "127.0.0.1: the last line of the stopwatch is not a recording: "
        "not valid JSON: Expecting value: line 1 column 1 (char 0)"
    )


def test_a_file_that_was_damaged_on_its_way_is_not_taken_for_ours(board: Board) -> None:
    damages = f'printf x >> "$(dirname "$1")/candidate/model.tflite"; exec {sys.executable} "$@"'
    damaging = _program(board.root / "damaging", damages)
    assert board.reason(python=damaging) == (
        "127.0.0.1: timed another file than model.tflite: it was damaged in transfer"
    )


def test_a_machine_without_ssh_is_told(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(board.root / "job"))
    assert board.reason() == "127.0.0.1: the OpenSSH client `ssh` is not installed on this machine"


def test_a_recipe_without_a_board_is_told(tmp_path: Path) -> None:
    found = ssh.measure(timings.timing_request(tmp_path, where="ssh")).metrics["latency_p90_ms"]
    assert (found.value, found.reason) == (None, "the recipe names no board: validate.ssh")


def test_what_hangs_on_the_board_is_ended_there_at_the_deadline(board: Board) -> None:
    file = board.root / "pid"
    hanging = _program(board.root / "hanging", f"sleep 1000 & echo $! > {file}; wait")
    options = board.words(python=hanging)
    request = timings.timing_request(
        board.root / "job", where="ssh", ssh=options, deadline_minutes=3 / 60
    )
    reason = ssh.measure(request).metrics["latency_p90_ms"].reason
    assert reason == "127.0.0.1: no end of the answer after 3 s"
    process = file.read_text().strip()
    state = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, check=False)
    assert state.stdout.strip()[:1] in (b"", b"Z")
    assert board.left() == []
