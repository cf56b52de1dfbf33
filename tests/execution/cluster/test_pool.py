"""Builds on a Dask scheduler with workers in folders, and where possible networks, of their own.

The tasks are shell commands, so that a worker needs no library.

Guards that a build survives workers that are killed, cut off or different, and trusts none of them
that computes other bytes; with a remote in a folder, and one with the interface of S3.
Slow: each test starts a scheduler and up to four workers, which import Dask and DVC.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from edgebake.errors import HostError
from edgebake.execution.cluster import agreement, audit, connection
from edgebake.execution.cluster.address import ClusterOptions
from edgebake.execution.cluster.pool import ClusterPool
from edgebake.execution.local_pool import LocalPool, StageEnvironment
from edgebake.execution.policy import Limits
from edgebake.execution.task import Outcome, Task
from edgebake.recipe.stage_params import STAGE_PARAMS
from tests import builds
from tests.execution.cluster import lab as machines
from tests.execution.cluster.lab import Lab

pytestmark = pytest.mark.slow

EMPTY_PLAN: dict[str, dict[str, Any]] = {stage: {} for stage in STAGE_PARAMS}
PLAN = {**EMPTY_PLAN, "train": {"a": {"tools": {"numpy": "1"}}}}
OUTPUT = Path("artifacts/train/a/model")
COMMAND = "mkdir -p artifacts/train/a; cat code data > artifacts/train/a/model; echo made"
SLOW = f"mkdir -p artifacts/train; echo epoch 1 > artifacts/train/a.log; sleep 600; {COMMAND}"
TASK = Task("train@a", "train", "a", (), COMMAND, inputs=(Path("data"),), outputs=(OUTPUT,))


@dataclass
class Builder:
    """The machine of a build, in the folder of its project."""

    lab: Lab
    lines: list[str] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def open(self) -> ClusterPool:
        local = LocalPool(Limits(1, 100.0), StageEnvironment(dict(os.environ), PLAN))
        here = connection.Machine(local, 2, self.lines.append)
        options = ClusterOptions(self.lab.scheduler, is_insecure_allowed=True)
        return self.stack.enter_context(connection.opened(options, here, PLAN))

    def wait_for_lines(self, *ends: str) -> None:
        """Wait until a line with each end was shown."""
        deadline = time.monotonic() + machines.PATIENCE
        while not all(any(line.endswith(end) for line in self.lines) for end in ends):
            assert time.monotonic() < deadline, (self.lines, self.lab.logs())
            time.sleep(0.1)


def project(folder: Path, remote: str, *settings: str) -> Path:
    """Make a project in one commit, with data that no commit has."""
    (folder / ".dvc").mkdir(parents=True)
    lines = ["[core]", "    remote = shared", "['remote \"shared\"']", f"    url = {remote}"]
    lines += [f"    {setting}" for setting in settings]
    (folder / ".dvc/config").write_text("\n".join([*lines, ""]))
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/data\n/artifacts\n")
    (folder / "code").write_text("code ")
    (folder / "data").write_text("data\n")
    (folder / "params.yaml").write_text(json.dumps(EMPTY_PLAN))
    builds.run(folder, "git", "init", "--quiet")
    builds.commit(folder, "The project")
    return folder


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A scheduler without workers."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "state"))
    (tmp_path / "machines").mkdir()
    with machines.opened(tmp_path / "machines") as opened:
        yield opened


@pytest.fixture
def builder(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Builder]:
    """A scheduler, and a project with a remote in a folder, in which the test runs."""
    monkeypatch.chdir(project(tmp_path / "project", str(tmp_path / "remote")))
    opened = Builder(lab)
    with opened.stack:
        yield opened


@pytest.fixture
def s3_builder(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Builder]:
    """A scheduler, and a project with a remote that has the interface of S3."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(lab.host, 0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="bucket")
    folder = project(tmp_path / "project", "s3://bucket/objects", f"endpointurl = {endpoint}")
    monkeypatch.chdir(folder)
    opened = Builder(lab)
    with opened.stack:
        yield opened
    server.stop()


def of_command(command: str) -> Task:
    return replace(TASK, shell=command)


def start(pool: ClusterPool, task: Task) -> Future[Outcome]:
    assert pool.can_start(task, [])
    return pool.start(task, lambda _: None)


def other_version(folder: Path) -> dict[str, str]:
    """Return the variables of a machine on which numpy has another version."""
    info = folder / "numpy-0.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.9\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{builds.ROOT / 'pipeline'}"}


def test_a_task_survives_a_kill_and_a_cut_and_another_version_gets_none(builder: Builder) -> None:
    """A task is slow until a file is on its machine, so that it can be interrupted in it."""
    lab = builder.lab
    task = of_command(f"if [ -e $HOME/quick ]; then {COMMAND}; else {SLOW}; fi")
    names = ("one", "two")
    for name in names:
        lab.start_worker(name, HOME=str(lab.folder / name))
    lab.start_worker("old", **other_version(lab.folder / "tools"))
    pool = builder.open()
    builder.wait_for_lines("worker one (slots=1): joined", "worker two (slots=1): joined")
    version = agreement.environment(["numpy"]).versions["numpy"]
    refusal = f"worker old: refused: numpy 0.9; expected numpy {version} as on the build's machine"
    builder.wait_for_lines(refusal)

    future = start(pool, task)
    first = lab.wait_for("**/artifacts/train/a.log", names)
    lab.kill(first)
    second = "two" if first == "one" else "one"
    lab.wait_for("**/artifacts/train/a.log", (second,))
    lab.start_worker("three", HOME=str(lab.folder / "three"))
    (lab.folder / "three/quick").touch()
    builder.wait_for_lines("worker three (slots=1): joined")
    lab.cut_off(second)
    outcome = future.result(timeout=machines.PATIENCE)

    assert (outcome.code, outcome.output, outcome.worker) == (0, "made\n", "three")
    assert OUTPUT.read_text() == "code data\n"
    deaths = [line for line in builder.lines if "ended while it ran it" in line]
    assert deaths == [
        f"train@a: {first} ended while it ran it, 1 of 3 times; it runs again on another worker",
        f"train@a: {second} ended while it ran it, 2 of 3 times; it runs again on another worker",
    ]
    assert "train@a" not in lab.log("old")


def test_a_task_on_which_three_workers_die_stops_the_build_with_its_log(builder: Builder) -> None:
    names = ("one", "two", "three")
    for name in names:
        builder.lab.start_worker(name)
    pool = builder.open()
    builder.wait_for_lines(*[f"worker {name} (slots=1): joined" for name in names])
    future = start(pool, of_command(SLOW))
    died = []
    for _ in names:
        rest = tuple(name for name in names if name not in died)
        died.append(builder.lab.wait_for("**/artifacts/train/a.log", rest))
        deadline = time.monotonic() + machines.PATIENCE
        while pool.last_lines(TASK.name) != "epoch 1\n":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        builder.lab.kill(died[-1])
    with pytest.raises(HostError) as stop:
        future.result(timeout=machines.PATIENCE)
    assert str(stop.value) == (
        f"train@a: 3 workers ended while they ran it: {', '.join(died)}; "
        "expected one of them to survive it. The last lines of its log:\nepoch 1"
    )


def test_what_no_worker_has_is_said(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebake.execution.cluster.pool.PATIENCE", 0.0)
    builder.lab.start_worker("one", "--resources", "mac=1")
    pool = builder.open()
    builder.wait_for_lines("worker one (mac=1,slots=1): joined")
    with pytest.raises(HostError) as refusal:
        pool.can_start(replace(TASK, resources={"GPU": 1.0}), [])
    assert str(refusal.value) == (
        "train@a: needs GPU=1, which no worker has; workers: one (mac=1,slots=1); "
        "expected one: `edgebake worker ADDRESS --resources GPU=1`"
    )
    assert pool.can_start(replace(TASK, resources={"mac": 1.0}), [])


def test_an_audit_names_both_machines_and_the_file(s3_builder: Builder) -> None:
    """The worker `other` computes another model than `one`; their remote is S3's."""
    builder = s3_builder
    task = of_command(f"{COMMAND}; cat $HOME/extra >> artifacts/train/a/model || true")
    builder.lab.start_worker("one", HOME=str(builder.lab.folder / "one"))
    pool = builder.open()
    builder.wait_for_lines("worker one (slots=1): joined")
    assert start(pool, task).result(timeout=machines.PATIENCE).code == 0
    with pytest.raises(HostError) as alone:
        audit.run(pool, 1)
    assert str(alone.value) == (
        "audit: 0 of 1 stages; train@a: no second worker can run it; "
        "expected two workers with what each stage needs"
    )
    builder.lab.start_worker("other", HOME=str(builder.lab.folder / "other"))
    builder.wait_for_lines("worker other (slots=1): joined")
    assert audit.run(pool, 1) == ["audit: train@a: one and other made the same bytes"]
    (builder.lab.folder / "other/extra").write_text("!")
    with pytest.raises(HostError) as difference:
        audit.run(pool, 1)
    assert str(difference.value) == (
        f"audit: train@a: {OUTPUT} differs: md5 3ed8a16b948eab2098f72876a76f3c53 by one, "
        "cdde46aa72204e857b872ea2b680d867 by other; expected the same bytes of both: "
        "what this build made from it is not to be trusted"
    )
