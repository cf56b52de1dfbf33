"""Machines of a cluster on this one: a Dask scheduler and workers in folders of their own.

Where the kernel and the rights of the process allow it, each worker has a network namespace of its
own, which can be cut off; elsewhere, a worker that is cut off is stopped: it answers nobody.
"""

import json
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
import edgebake.execution.warm_server
edgebake.execution.warm_server.WARM_MODULES = "json"
from edgebake.cli.main import main
raise SystemExit(main())
"""
NETWORKS = 250  # labs at a time: 10.213.0.0/24 to 10.213.249.0/24


@dataclass(frozen=True)
class Network:
    """A bridge of its own, to which each worker's namespace has a link."""

    number: int

    @property
    def bridge(self) -> str:
        return f"ebtest{self.number}"

    def address(self, machine: int) -> str:
        return f"10.213.{self.number}.{machine}"

    def namespace(self, name: str) -> str:
        return f"{self.bridge}-{name}"

    def link(self, machine: int) -> str:
        return f"{self.bridge}-{machine}"

    def add(self, name: str, machine: int) -> None:
        """Add the namespace of a worker."""
        namespace, link = self.namespace(name), self.link(machine)
        _ip("netns", "add", namespace)
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "set", link, "master", self.bridge, "up")
        _ip("-n", namespace, "address", "add", f"{self.address(machine)}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        _ip("-n", namespace, "link", "set", "lo", "up")

    def remove(self, name: str, machine: int) -> None:
        """Remove the namespace of a worker, the link first: it would outlive it for a moment."""
        _ip("link", "del", self.link(machine))
        _ip("netns", "del", self.namespace(name))


@dataclass
class Lab:
    """The processes and networks of one test."""

    folder: Path
    network: Network | None  # None: the machines share that of the system
    host: str  # of the scheduler, and of a remote that the test starts
    scheduler: str = ""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    machines: dict[str, int] = field(default_factory=dict)  # workers in namespaces

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
        if self.network is not None:
            self.machines[name] = len(self.machines) + 10
            self.network.add(name, self.machines[name])
            command = ["ip", "netns", "exec", self.network.namespace(name), *command]
        self.start(name, command, **variables)

    def kill(self, name: str) -> None:
        """Kill a worker as the system does when memory is short."""
        self.processes[name].kill()

    def cut_off(self, name: str) -> None:
        """Let nobody hear of a worker any more."""
        if self.network is not None:
            _ip("-n", self.network.namespace(name), "link", "set", "eth0", "down")
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


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """Start a scheduler; end all processes and remove all networks afterwards."""
    network = _new_network()
    host = "127.0.0.1" if network is None else network.address(1)
    lab = Lab(folder, network, host)
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"tcp://{host}"]
    command += ["--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    try:
        if network is not None:
            _ip("address", "add", f"{host}/24", "dev", network.bridge)
            _ip("link", "set", network.bridge, "up")
        lab.start("scheduler", command, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL=TTL)
        lab.wait_for("scheduler.json")
        lab.scheduler = _address(file)
        yield lab
    finally:
        lab.end()
        if network is not None:
            for name, machine in lab.machines.items():
                network.remove(name, machine)
            _ip("link", "del", network.bridge)


def _address(file: Path) -> str:
    while True:
        try:
            return str(json.loads(file.read_text())["address"])
        except ValueError:  # half-written
            time.sleep(0.1)


def _new_network() -> Network | None:
    """Make a bridge that no other test has; None where that is not possible."""
    if not shutil.which("ip") or os.geteuid() != 0:
        return None
    for number in range(NETWORKS):
        network = Network(number)
        try:
            _ip("link", "add", network.bridge, "type", "bridge")
        except subprocess.CalledProcessError as error:
            if b"File exists" in error.stderr:
                continue
            return None
        try:
            _ip("netns", "add", network.namespace("try"))
        except subprocess.CalledProcessError:
            _ip("link", "del", network.bridge)
            return None
        _ip("netns", "del", network.namespace("try"))
        return network
    return None


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
