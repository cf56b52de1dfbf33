"""Machines of a cluster on this one: a Dask scheduler and workers in folders of their own.

Where the kernel and the rights of the process allow it, each worker has a network namespace of its
own, which can be cut off; elsewhere, a worker that is cut off is stopped: it answers nobody.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import builds

TTL = "6s"  # of a worker without a sign of life
PATIENCE = 120.0  # seconds
# A worker whose warm server imports nothing: the tasks of these tests are shell commands.
WORKER = """
import edgebake.execution.local_pool
edgebake.execution.local_pool.WARM_MODULES = "json"
from edgebake.cli.main import main
raise SystemExit(main())
"""
BRIDGE = "ebtest"
NETWORK = "10.213.77"


@dataclass
class Lab:
    """The processes and networks of one test."""

    folder: Path
    has_networks: bool
    host: str  # of the scheduler, and of a remote that the test starts
    scheduler: str = ""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], **variables: str) -> None:
        """Start a process in a folder of its own; its output goes to `<name>.log`."""
        own = self.folder / name
        own.mkdir()
        environment = builds.environment(builds.ROOT) | variables
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=own, env=environment, stdout=log, stderr=log, text=True
            )

    def start_worker(self, name: str, *options: str, **variables: str) -> None:
        """Start a worker; its folder has the name of the worker."""
        arguments = ["worker", self.scheduler, "--jobs", "1", "--name", name, "--insecure"]
        arguments += ["--folder", str(self.folder / name), *options]
        command = [sys.executable, "-c", WORKER, *arguments]
        if self.has_networks:
            number = len(self.processes) + 10
            self._add_network(name, number)
            command = ["ip", "netns", "exec", _namespace(name), *command]
        self.start(name, command, **variables)

    def kill(self, name: str) -> None:
        """Kill a worker as the system does when memory is short."""
        self.processes[name].kill()

    def cut_off(self, name: str) -> None:
        """Let nobody hear of a worker any more."""
        if self.has_networks:
            _ip("-n", _namespace(name), "link", "set", "eth0", "down")
        else:
            self.processes[name].send_signal(signal.SIGSTOP)

    def log(self, name: str) -> str:
        """Return what a process has printed."""
        return (self.folder / f"{name}.log").read_text()

    def logs(self) -> dict[str, str]:
        """Return what every process has printed."""
        return {name: self.log(name) for name in self.processes}

    def wait_for(self, pattern: str, names: tuple[str, ...] = ("",)) -> str:
        """Wait until a file is in the folder of one of the processes, and return whose it is."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for name in names:
                if any((self.folder / name).glob(pattern)):
                    return name
            time.sleep(0.1)
        raise AssertionError(f"no {pattern} in {names}: {self.logs()}")

    def end(self) -> None:
        """End every process."""
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _add_network(self, name: str, number: int) -> None:
        outer = f"ebtest{number}"
        _ip("netns", "add", _namespace(name))
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", _namespace(name))
        _ip("link", "set", outer, "master", BRIDGE, "up")
        inner = ("-n", _namespace(name))
        _ip(*inner, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
        _ip(*inner, "link", "set", "eth0", "up")
        _ip(*inner, "link", "set", "lo", "up")


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """Start a scheduler; end all processes and remove all networks afterwards."""
    has_networks = _can_make_networks()
    host = f"{NETWORK}.1" if has_networks else "127.0.0.1"
    lab = Lab(folder, has_networks, host)
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"tcp://{host}"]
    command += ["--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    try:
        if lab.has_networks:
            _ip("address", "add", f"{host}/24", "dev", BRIDGE)
            _ip("link", "set", BRIDGE, "up")
        lab.start("scheduler", command, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL=TTL)
        lab.wait_for("scheduler.json")
        lab.scheduler = _address(file)
        yield lab
    finally:
        lab.end()
        if lab.has_networks:
            for name in lab.processes:
                subprocess.run(
                    ["ip", "netns", "del", _namespace(name)], check=False, capture_output=True
                )
            _ip("link", "del", BRIDGE)


def _address(file: Path) -> str:
    import json

    while True:
        try:
            return str(json.loads(file.read_text())["address"])
        except ValueError:  # half-written
            time.sleep(0.1)


def _namespace(name: str) -> str:
    return f"ebtest-{name}"


def _can_make_networks() -> bool:
    """Make the bridge between the machines; return whether that is possible here."""
    if not shutil.which("ip") or os.geteuid() != 0:
        return False
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("netns", "add", _namespace("try"))
        _ip("netns", "del", _namespace("try"))
    except subprocess.CalledProcessError:
        return False
    return True


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
