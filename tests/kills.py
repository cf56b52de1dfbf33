"""Kill small builds at random moments, and compare what the same command builds afterwards.

`python -m tests.kills 50` kills 50 times, several times in each clone before a build may end; that
takes about 20 minutes on two cores.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests import builds

TARGET = """\
# @package _global_
# A network that trains in seconds, without gates on what it learns or how fast it is.
defaults:
  - override /device: linux_any
  - override /convert: onnxruntime
  - override /validate: untimed
model:
  width_multiplier: 0.25
train:
  epochs: 3
validate:
  budget:
    accuracy: { at_least: 0.0, required: true }
    accuracy_drop: null
    class_accuracy: null
    parity: null
"""
POLL = 0.001  # seconds
KILLS_PER_CLONE = 5

# Waits for the moment in a folder, at most some seconds; returns the processes to kill.
Moment = Callable[["Build", random.Random], list[int]]


class Build:
    """A running `edgebake build` in a clone."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """Start it; `seconds` is about how long it takes."""
        self.folder = folder
        self.seconds = seconds
        with (folder / "build.out").open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edgebake", "build"],
                cwd=folder,
                env=builds.environment(folder),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_running(self) -> bool:
        return self.process.poll() is None


def family(process: int) -> list[int]:
    """Return a process and all its descendants."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        number, parent = line.split()
        children.setdefault(int(parent), []).append(int(number))
    members = [process]
    for member in members:
        members += children.get(member, [])
    return members


def everything(build: Build, chance: random.Random) -> list[int]:
    """All processes at any moment, as a machine that is switched off."""
    _wait(build, chance)
    return family(build.process.pid)


def one_process(build: Build, chance: random.Random) -> list[int]:
    """One process at any moment: edgebake, its server or a stage."""
    _wait(build, chance)
    return [chance.choice(family(build.process.pid))]


def writing_the_lock(build: Build, _: random.Random) -> list[int]:
    """All processes at a moment at which dvc.lock is written, or was replaced just now."""
    lock = build.folder / "dvc.lock"
    partial = build.folder / ".dvc.lock.partial"
    before = _file_number(lock)
    members: list[int] = []
    while build.is_running():
        members = family(build.process.pid)
        deadline = time.monotonic() + 0.2  # seconds, after which there may be new processes
        while time.monotonic() < deadline:
            if partial.exists() or _file_number(lock) != before:
                return members
            time.sleep(POLL)
    return members


def _file_number(file: Path) -> int | None:
    """Return the number by which the system knows a file: another one after it was replaced."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


MOMENTS: tuple[Moment, ...] = (everything, one_process, writing_the_lock)


def _wait(build: Build, chance: random.Random) -> None:
    deadline = time.monotonic() + chance.uniform(0, build.seconds / 2)
    while build.is_running() and time.monotonic() < deadline:
        time.sleep(POLL)


def prepare(folder: Path) -> Path:
    """Return a repository with a release of one small target."""
    source = builds.snapshot(folder / "source")
    (source / "recipes/target/linux_any.yaml").write_text(TARGET)
    release = source / "recipes/release.yaml"
    before, _, _ = release.read_text().partition("targets:")
    release.write_text(f"{before}targets:\n  - linux_any\n")
    planned = builds.edgebake(source, "plan")
    assert planned.returncode == 0, planned.stderr
    builds.commit(source, "Small")
    return source


def reference(source: Path, folder: Path) -> tuple[dict[str, str], float]:
    """Return the digests of an undisturbed build, and the seconds that it took."""
    builds.clone(source, folder)
    started = time.monotonic()
    done = builds.edgebake(folder, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return builds.bundles(folder), time.monotonic() - started


def kill_several_times(clone: Path, seconds: float, seeds: Sequence[int]) -> list[str]:
    """Run the same command again and again in a clone, killed at another moment each time.

    Returns:
        A line for each kill; fewer than seeds if a build ended before it was killed.
    """
    lines = []
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311 - the same kills each time
        moment = MOMENTS[seed % len(MOMENTS)]
        build = Build(clone, seconds)
        members = moment(build, chance)
        if not build.is_running():
            break
        for process in members:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        build.process.wait()
        lines.append(f"{seed}: killed {moment.__name__.replace('_', ' ')}")
    return lines


def assert_same(clone: Path, expected: dict[str, str]) -> None:
    """Run the same command to its end, and compare what ships."""
    done = builds.edgebake(clone, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    verified = builds.edgebake(clone, "verify", "artifacts/package/linux.zip", "--unsigned")
    assert verified.returncode == 0, verified.stderr
    assert builds.bundles(clone) == expected


def main(count: int, seed: int) -> int:
    """Kill builds `count` times, print a line for each, and return whether a bundle differs."""
    killed = 0
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = prepare(folder)
        expected, seconds = reference(source, folder / "reference")
        print(f"a build takes {seconds:.0f} s", flush=True)
        while killed < count:
            clone = builds.clone(source, folder / "clone")
            lines = kill_several_times(clone, seconds, range(seed, seed + KILLS_PER_CLONE))
            seed += KILLS_PER_CLONE
            killed += len(lines)
            print("\n".join(lines))
            try:
                assert_same(clone, expected)
                set_aside = sorted(path.name for path in (clone / ".dvc/tmp").glob("*.unreadable"))
                print(f"the same bytes after {len(lines)} kills", *set_aside, flush=True)
            except AssertionError as error:
                failed += len(lines)
                print(f"FAILED: {error}", flush=True)
            shutil.rmtree(clone)
    print(f"{killed - failed} of {killed} kills: the same bytes")
    return failed


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("count", type=int)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    sys.exit(main(arguments.count, arguments.seed) > 0)
