"""A phone with Android: Google's benchmark_model runs there, or the stopwatch with a Python that is installed there.

Needs adb here, and a phone that allows it. What is copied lies in /data/local/tmp/edgebake and is removed afterwards.
"""

import math
import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.evaluation.latency import benchmark_model, protocol, remote, stopwatch
from edgebake.evaluation.latency.benchmark_model import Round
from edgebake.evaluation.latency.protocol import UnansweredError
from edgebake.evaluation.latency.remote import Machine, Ran
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.measurement import Measurement, not_measured
from edgebake.recipe import Adb

ADB = "adb"
FOLDER = "/data/local/tmp/edgebake"
ROUNDS = 10  # processes of benchmark_model for a file, by turns with its baseline
LONGEST_S = 3600  # of a round; benchmark_model's own limit would end slow models early
THERMAL = re.compile(r"Thermal Status: (\d)")
GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
WORKS_ALONE = "benchmark_model times one image at a time, without a sustained mode; the stopwatch does: adb.python"


def measure(job: TimingRequest) -> TimingResult:
    """Return what is measured on the phone, or that nothing was and why."""
    words = job.protocol.adb
    try:
        if words is None or not (words.benchmark_model or words.python):
            raise UnansweredError("the recipe names neither adb.benchmark_model nor adb.python")
        phone = Phone(_serial(words))
        before = Facts.of(phone)
        found = (
            remote.measure(job, phone, words.python, ADB)
            if words.python
            else _benchmarked(job, phone, Path(words.benchmark_model or ""))
        )
    except UnansweredError as error:
        return absent(f"{ADB}: {error}")
    return _described(found, before, Facts.of(phone))


@dataclass(frozen=True)
class Facts:
    """What a phone says of itself."""

    model: str
    os: str
    governor: str
    thermal: int | None  # 0: not throttled, 6: about to switch off; PowerManager.THERMAL_STATUS_*

    @classmethod
    def of(cls, phone: Machine) -> "Facts":
        """Ask a phone."""
        model, android, chip, board = (
            phone.run(f"getprop {name}").output.strip()
            for name in (
                "ro.product.model",
                "ro.build.version.release",
                "ro.soc.model",
                "ro.board.platform",
            )
        )
        governor = phone.run(f"cat {GOVERNOR}")
        thermal = THERMAL.search(phone.run("dumpsys thermalservice").output)
        return cls(
            f"{model} ({chip or board})",
            f"Android {android}",
            governor.output.strip() if governor.code == 0 else "",
            int(thermal[1]) if thermal else None,
        )


class Phone:
    """A machine that adb reaches."""

    def __init__(self, serial: str) -> None:
        self._serial = serial

    def run(self, command: str) -> Ran:
        """Run a command of the phone's shell."""
        return _adb("-s", self._serial, "shell", command)

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders into a folder there, each to its own path below it; adb makes the folders between."""
        for path, file in files.items():
            ran = _adb("-s", self._serial, "push", str(file), f"{folder}/{path}")
            if ran.code != 0:
                raise UnansweredError(f"copying {file.name}: {ran.last()}")

    def folder(self) -> AbstractContextManager[str]:
        """Give an empty folder there that is removed when the block ends, also by an error."""
        made = self.run(f"rm -rf {FOLDER} && mkdir -p {FOLDER}")
        if made.code != 0:
            raise UnansweredError(made.last())
        return remote.removed(self, FOLDER)


def _adb(*words: str) -> Ran:
    try:
        done = subprocess.run(
            ["adb", *words], capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise UnansweredError("not installed on this machine") from None
    return Ran(done.returncode, done.stdout, done.stderr)


def _serial(words: Adb) -> str:
    """Return the phone that the recipe means, if it is ready."""
    listed = _adb("devices")
    if listed.code != 0:
        raise UnansweredError(listed.last())
    lines = (line.split(maxsplit=1) for line in listed.output.splitlines() if "\t" in line)
    phones = {serial: state.strip() for serial, state in lines}
    if words.serial is None and len(phones) > 1:
        raise UnansweredError(
            f"several phones are attached: {', '.join(sorted(phones))}; expected one in adb.serial"
        )
    serial = words.serial or next(iter(phones), "no phone")
    if serial not in phones:
        raise UnansweredError(
            f"{serial} is attached"
            if not phones and not words.serial
            else f"{serial} is not attached"
        )
    if phones[serial] != "device":
        allow = (
            "; it has to allow this computer on its screen"
            if phones[serial] == "unauthorized"
            else ""
        )
        raise UnansweredError(f"{serial} is {phones[serial]}{allow}")
    return serial


def _benchmarked(job: TimingRequest, phone: Phone, binary: Path) -> TimingResult:
    if job.runtime != "litert":
        raise UnansweredError(
            f"benchmark_model runs .tflite files alone, not those of {job.runtime}"
        )
    if not binary.is_file():
        raise UnansweredError(f"adb.benchmark_model: no file {binary}")
    runtime = f"benchmark_model sha256 {stopwatch.digest(binary)[:12]}"
    sha256 = stopwatch.digest(protocol.opened(job)[0])
    base = Measurement(None, "", ADB, runtime=runtime, threads=1, sha256=sha256)
    with phone.folder() as folder:
        places = remote.pushed(job, phone, folder, {"benchmark_model": binary})
        command = f"{folder}/benchmark_model {_options(job)}"
        phone.run(f"chmod 755 {folder}/benchmark_model")
        found = _repeated(job, lambda number: _pair(phone, command, places, number), base)
    return TimingResult(found.metrics | _beyond(job), found.resamples)


def _options(job: TimingRequest) -> str:
    protocol = job.protocol
    options = {
        "num_threads": 1,
        "warmup_runs": max(1, protocol.warmup),
        "warmup_min_secs": 0,
        "num_runs": math.ceil(protocol.runs / ROUNDS),
        "min_secs": protocol.seconds / ROUNDS,
        "max_secs": LONGEST_S,
    }
    return " ".join(f"--{name}={value}" for name, value in options.items())


def _repeated(
    job: TimingRequest, pair: Callable[[int], tuple[Round, Round | None]], base: Measurement
) -> TimingResult:
    """Return what rounds come to; there are more while an interval is too wide. The median stands in for p90."""
    names, pairs = ("latency_p50_ms", "speedup"), [pair(number) for number in range(ROUNDS)]
    found = benchmark_model.timing(pairs, base)
    while len(pairs) < ROUNDS * job.protocol.repeats and protocol.wide(
        found, names, job.protocol.precision
    ):
        pairs += [pair(len(pairs) + number) for number in range(ROUNDS)]
        found = benchmark_model.timing(pairs, base)
    return found


def _pair(
    phone: Phone, command: str, places: tuple[str, str | None], number: int
) -> tuple[Round, Round | None]:
    """Return a round of the file and one of its baseline; the file is first in every other pair."""
    rounds = {}
    for place in places if number % 2 == 0 else places[::-1]:
        if place:
            ran = phone.run(f"{command} --graph={shlex.quote(place)}")
            rounds[place] = benchmark_model.read(ran.output + ran.complaints)
    candidate, baseline = places
    return rounds[candidate], rounds[baseline] if baseline else None


def _beyond(job: TimingRequest) -> dict[str, Measurement]:
    """Return what the protocol asks for and benchmark_model cannot do."""
    found = {f"throughput_batch_{job.protocol.batch}": not_measured("1/s", WORKS_ALONE)}
    if job.protocol.sustained_minutes:
        found["sustained_drift"] = not_measured("times", WORKS_ALONE)
    return found


def _described(found: TimingResult, before: Facts, after: Facts) -> TimingResult:
    """Say of each measurement on which phone it was made, and how throttled the phone was."""
    device, system = before.model, before.os
    metrics = {
        name: replace(one, device=device, os=system, governor=one.governor or before.governor)
        if one.where == ADB
        else one
        for name, one in found.metrics.items()
    }
    for when, facts in (("before", before), ("after", after)):
        if facts.thermal is not None:
            metrics[f"thermal_status_{when}"] = Measurement(
                facts.thermal, "level", ADB, device=device, os=system
            )
    return TimingResult(metrics, found.resamples, found.latencies_ms)
