"""A simulated `ssh` and `adb` whose device answers what a test says.

`answer` of the file device.json is the recording that it prints. `how` names another behavior, and
`folder` what it answers to mktemp.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgebake.evaluation.devices import adb, ssh
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.command import CommandResult, Limits
from edgebake.evaluation.latency.request import TimingResult
from edgebake.recipe import Adb, Ssh
from tests import timings

PROGRAM = """#!{python} -IS
import json, os, pathlib, subprocess, sys, time
root = pathlib.Path({root!r})
device = json.loads((root / "device.json").read_text())
command = sys.argv[-1]
with (root / "log").open("a") as log:
    log.write(command + "\\n")
if sys.argv[1:] == ["devices"]:
    print(f"List of devices attached\\n{{device['serial']}}\\tdevice")
elif "push" in sys.argv or command.startswith(("chmod", "rm", "exec sh -c 'group=")):
    pass
elif command.startswith(("getprop", "cat", "dumpsys")):
    print(device["names"])
elif command.startswith("mktemp"):
    sys.stdout.write(device["folder"])
elif command.startswith("tar"):
    sys.stdin.buffer.read()
elif device["how"] == "endless":
    while True:
        sys.stdout.write("x" * 1_000_000)
elif device["how"] == "endless errors":
    while True:
        sys.stderr.write("x" * 1_000_000)
elif device["how"] == "hangs":
    time.sleep(1000)
elif device["how"] == "drips":
    while True:
        print("INFO: still here", flush=True)
        time.sleep(0.05)
elif device["how"] == "stays open":
    print(device["answer"], flush=True)
    time.sleep(1000)
elif device["how"] == "leaves a process":
    print(device["answer"], flush=True)
    subprocess.Popen(["sleep", "1000"])
elif device["how"] == "fails":
    sys.stderr.write("\\x1b]0;pwned\\x07\\x1b[2K\\x1b[1A evil\\n")
    sys.exit(3)
else:
    print(device["answer"])
"""
NAME = {"ssh": "board", "adb": "adb: 8A1"}


class Device:
    """A device that `ssh` or `adb` reaches."""

    def __init__(self, root: Path, where: str) -> None:
        self.root = root
        self.where = where
        self.name = NAME[where]
        file = root / "model.tflite"
        file.write_bytes(b"x")
        self.request = timings.timing_request(
            root / "job",
            where=where,
            ssh=Ssh(host="board"),
            adb=Adb(python="python3"),
            deadline_minutes=20 / 60,
        )
        self.state: dict[str, Any] = {
            "how": "answers",
            "folder": "/tmp/edgebake.Ab12Cd\n",
            "names": "x",
            "serial": "8A1",
        }
        self.answers(self.recording())

    def recording(self, **fields: Any) -> dict[str, Any]:
        """Return a sound recording of the file, with other fields where given."""
        job = self.root / "job"
        sound = {
            "sha256": stopwatch.digest(job / "files/model.tflite"),
            "baseline_sha256": stopwatch.digest(job / "baseline/model.tflite"),
        }
        recording = timings.recording([[2.0] * 10] * 30, [[6.0] * 10] * 30, **sound)
        return {**recording, **fields}

    def answers(self, answer: Any, **state: Any) -> None:
        """Say what the device prints: a text as it is, anything else as JSON."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.state |= {"answer": text, **state}
        (self.root / "device.json").write_text(json.dumps(self.state))

    def behaves(self, **state: Any) -> None:
        """Say how the device behaves."""
        self.answers(self.state["answer"], **state)

    def measured(self) -> TimingResult:
        """Measure on the device."""
        if self.where == "ssh":
            return ssh.measure(self.request)
        return adb.measure(self.request)

    def reason(self) -> str:
        """Return why nothing was measured, without the device's name, which it begins with."""
        metrics = self.measured().metrics
        assert sorted(metrics) == [
            "frames_per_second",
            "latency_p90_ms",
            "peak_memory_mb",
            "speedup",
        ]
        assert {metric.value for metric in metrics.values()} == {None}
        (reason,) = {metric.reason for metric in metrics.values()}
        assert reason.startswith(f"{self.name}: ")
        return reason.removeprefix(f"{self.name}: ")

    def run(self, program: Sequence[str], limits: Limits, stdin: bytes = b"") -> CommandResult:
        """Answer like PROGRAM, for a device that only tells lies."""
        assert limits.seconds > 0
        assert bool(stdin) == program[-1].startswith("tar")
        shell_command = program[-1]
        if program[1:] == ["devices"]:
            return CommandResult(
                0, f"List of devices attached\n{self.state['serial']}\tdevice\n", ""
            )
        if shell_command.startswith("mktemp"):
            return CommandResult(0, self.state["folder"], "")
        if shell_command.startswith(("getprop", "cat", "dumpsys")):
            return CommandResult(0, self.state["names"] + "\n", "")
        if shell_command.startswith("exec sh -c 'echo"):
            return CommandResult(0, self.state["answer"] + "\n", "")
        return CommandResult(0, "", "")

    def commands(self) -> str:
        """Return the commands that the device was given."""
        return (self.root / "log").read_text()


def install(root: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Install the simulated program, and return its device."""
    folder = root / "bin"
    folder.mkdir()
    program = folder / where
    program.write_text(PROGRAM.format(python=sys.executable, root=str(root)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Device(root, where)
