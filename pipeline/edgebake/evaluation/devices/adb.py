"""Time files on an Android phone over adb.

The phone runs Google's benchmark_model, or the stopwatch where Python is installed. This machine
needs adb, and the phone has to allow it. Files are copied to /data/local/tmp/edgebake and removed
afterwards.
"""

import math
import re
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.evaluation.latency import (
    benchmark_model,
    command,
    protocol,
    recording_check,
    remote,
    stopwatch,
)
from edgebake.evaluation.latency.benchmark_model import Round
from edgebake.evaluation.latency.command import QUICK, CommandResult, DeviceError, Limits
from edgebake.evaluation.latency.measurements import Metrics
from edgebake.evaluation.latency.remote import Machine
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.machine import turns
from edgebake.machine.turns import BusyError
from edgebake.measurement import Measurement, not_measured
from edgebake.recipe import Adb
from edgebake.terminal.printable import printable

ADB = "adb"
FOLDER = "/data/local/tmp/edgebake"
LISTING = Limits(seconds=60, output_bytes=1 << 20)  # of dumpsys, and of benchmark_model's log
ROUNDS = 10  # processes of benchmark_model for a file, in turns with its baseline
MAX_ROUND_S = 3600  # benchmark_model's default limit would end slow models early
THERMAL = re.compile(r"Thermal Status: ([0-6])")
GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
UNSUPPORTED = (
    "benchmark_model times one image at a time, without a sustained mode; "
    "the stopwatch does: adb.python"
)
# The median replaces the 90th percentile, which benchmark_model does not print.
PRECISE = ("latency_p50_ms", "speedup")

RoundPair = tuple[Round, Round | None]  # of the file and of its baseline


def measure(request: TimingRequest) -> TimingResult:
    """Time a file on the phone; if that is impossible, the result has the reason."""
    options = request.protocol.adb
    try:
        if options is None or not (options.benchmark_model or options.python):
            raise DeviceError("the recipe names neither adb.benchmark_model nor adb.python")
        serial = _serial(options)
    except DeviceError as error:
        return absent(f"{ADB}: {error}")
    try:
        with turns.device(f"adb:{serial}"):
            return _measure(request, options, Phone(serial))
    except (DeviceError, BusyError) as error:
        return absent(f"{ADB}: {printable(serial)}: {error}")


def _measure(request: TimingRequest, options: Adb, phone: "Phone") -> TimingResult:
    before = PhoneState.read(phone)
    if options.python:
        result = remote.measure(request, phone, options.python, ADB)
    else:
        binary = Path(options.benchmark_model or "")
        result = _measure_rounds(request, phone, binary)
    after = PhoneState.read(phone)
    return _with_phone(result, before, after)


@dataclass(frozen=True)
class PhoneState:
    """The phone's names, and its state at one moment."""

    model: str
    os: str
    governor: str
    thermal: int | None  # PowerManager.THERMAL_STATUS_*: 0 not throttled, 6 about to switch off

    @classmethod
    def read(cls, phone: Machine) -> "PhoneState":
        """Read the state of a phone."""
        model = _property(phone, "ro.product.model")
        version = _property(phone, "ro.build.version.release")
        chip = _property(phone, "ro.soc.model")
        if not chip:
            chip = _property(phone, "ro.board.platform")
        return cls(
            model=f"{model} ({chip})",
            os=f"Android {version}",
            governor=_governor(phone),
            thermal=_thermal_status(phone),
        )


def _governor(phone: Machine) -> str:
    result = phone.run(f"cat {GOVERNOR}")
    if result.code != 0:
        return ""
    return _name(result)


def _thermal_status(phone: Machine) -> int | None:
    result = phone.run("dumpsys thermalservice", LISTING)
    status = THERMAL.search(result.stdout)
    if status is None:
        return None
    return int(status[1])


def _property(phone: Machine, name: str) -> str:
    return _name(phone.run(f"getprop {name}"))


def _name(result: CommandResult) -> str:
    """Return the answer of a command that prints a name."""
    return printable(result.stdout.strip(), max_length=recording_check.MAX_NAME)


class Phone:
    """A machine that adb reaches."""

    def __init__(self, serial: str) -> None:
        self._serial = serial

    def run(self, command: str, limits: Limits = QUICK) -> CommandResult:
        """Run a command of the phone's shell."""
        return _adb(["-s", self._serial, "shell", command], limits)

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders below a folder of the phone; the keys are paths below it."""
        for path, file in files.items():
            push = ["-s", self._serial, "push", str(file), f"{folder}/{path}"]
            result = _adb(push, remote.copy_limits(remote.size_of(file)))
            if result.code != 0:
                raise DeviceError(f"copying {file.name}: {result.last_line()}")

    def temporary_folder(self) -> AbstractContextManager[str]:
        """Create an empty folder, and remove it when the block ends, also after an error."""
        result = self.run(f"rm -rf {FOLDER} && mkdir -p {FOLDER}")
        if result.code != 0:
            raise DeviceError(result.last_line())
        return remote.removed_afterwards(self, FOLDER)


def _adb(arguments: list[str], limits: Limits = QUICK) -> CommandResult:
    try:
        return command.run(["adb", *arguments], limits)
    except FileNotFoundError:
        raise DeviceError("not installed on this machine") from None


def _serial(options: Adb) -> str:
    """Return the serial number of the recipe's phone if it is ready."""
    phones = _attached_phones()
    if options.serial is None and len(phones) > 1:
        serials = ", ".join(printable(serial) for serial in sorted(phones))
        raise DeviceError(f"several phones are attached: {serials}; expected one in adb.serial")
    if not options.serial and not phones:
        raise DeviceError("no phone is attached")
    serial = options.serial or next(iter(phones))
    shown = printable(serial)
    if serial not in phones:
        raise DeviceError(f"{shown} is not attached")
    state = printable(phones[serial])
    if state == "unauthorized":
        allow = "allow USB debugging on its screen"
        raise DeviceError(f"{shown} is {state}; {allow}")
    if state != "device":
        raise DeviceError(f"{shown} is {state}")
    return serial


def _attached_phones() -> dict[str, str]:
    """Return the state of each attached phone by its serial number."""
    listing = _adb(["devices"])
    if listing.code != 0:
        raise DeviceError(listing.last_line())
    phones = {}
    for line in listing.stdout.splitlines():
        serial, separator, state = line.partition("\t")
        if separator and serial:
            phones[serial] = state.strip()
    return phones


def _measure_rounds(request: TimingRequest, phone: Phone, binary: Path) -> TimingResult:
    """Time a file with benchmark_model."""
    benchmark_model.refuse_untimed(request, binary)
    file, _ = protocol.model_paths(request)
    program_sha256 = stopwatch.digest(binary)
    base = Measurement(
        value=None,
        unit="",
        where=ADB,
        runtime=f"benchmark_model sha256 {program_sha256[:12]}",
        threads=1,
        sha256=stopwatch.digest(file),
    )
    with phone.temporary_folder() as folder:
        paths = remote.push_files(request, phone, folder, {"benchmark_model": binary})
        program = f"{folder}/benchmark_model {_options(request)}"
        phone.run(f"chmod 755 {folder}/benchmark_model")
        allowed = Limits(protocol.limits(request.protocol).seconds, LISTING.output_bytes)

        def run_round(path: str) -> Round:
            shell_command = f"{program} --graph={shlex.quote(path)}"
            result = remote.run_in_group(phone, folder, shell_command, allowed)
            return benchmark_model.parse_round(result.stdout + result.stderr)

        def run_pair(number: int) -> RoundPair:
            return _run_pair(run_round, paths, number)

        result = _repeat_rounds(request, run_pair, base)
    return TimingResult(result.metrics | _unsupported(request), result.resamples)


def _options(request: TimingRequest) -> str:
    timing = request.protocol
    options = {
        "num_threads": 1,
        "warmup_runs": max(1, timing.warmup),
        "warmup_min_secs": 0,
        "num_runs": math.ceil(timing.runs / ROUNDS),
        "min_secs": timing.seconds / ROUNDS,
        "max_secs": MAX_ROUND_S,
    }
    return " ".join(f"--{name}={value}" for name, value in options.items())


def _repeat_rounds(
    request: TimingRequest, run_pair: Callable[[int], RoundPair], base: Measurement
) -> TimingResult:
    """Run rounds until the intervals are narrow enough, or as often as the recipe allows."""
    pairs: list[RoundPair] = []
    while True:
        pairs += [run_pair(len(pairs) + number) for number in range(ROUNDS)]
        result = benchmark_model.from_rounds(pairs, base)
        if len(pairs) >= ROUNDS * request.protocol.repeats:
            return result
        if not protocol.is_imprecise(result, PRECISE, request.protocol.precision):
            return result


def _run_pair(
    run_round: Callable[[str], Round], paths: tuple[str, str | None], number: int
) -> RoundPair:
    """Run a round of the file and one of its baseline; the file is first in every other pair."""
    candidate, baseline = paths
    if baseline is None:
        return run_round(candidate), None
    if number % 2 == 0:
        candidate_round = run_round(candidate)
        baseline_round = run_round(baseline)
    else:
        baseline_round = run_round(baseline)
        candidate_round = run_round(candidate)
    return candidate_round, baseline_round


def _unsupported(request: TimingRequest) -> Metrics:
    """Return the measurements that the protocol asks for and benchmark_model cannot make."""
    metrics = {f"throughput_batch_{request.protocol.batch}": not_measured("1/s", UNSUPPORTED)}
    if request.protocol.sustained_minutes:
        metrics["sustained_drift"] = not_measured("times", UNSUPPORTED)
    return metrics


def _with_phone(result: TimingResult, before: PhoneState, after: PhoneState) -> TimingResult:
    """Add the phone to each measurement, and its thermal status before and after."""
    metrics = {}
    for name, metric in result.metrics.items():
        metrics[name] = _with_model(metric, before)
    states = {"before": before, "after": after}
    for moment, state in states.items():
        if state.thermal is not None:
            metrics[f"thermal_status_{moment}"] = Measurement(
                value=state.thermal, unit="level", where=ADB, device=before.model, os=before.os
            )
    return TimingResult(metrics, result.resamples, result.latencies_ms)


def _with_model(metric: Measurement, phone: PhoneState) -> Measurement:
    if metric.where != ADB:
        return metric
    governor = metric.governor or phone.governor
    return replace(metric, device=phone.model, os=phone.os, governor=governor)
