"""Time Core ML packages on this Mac with the stopwatch, or on a paired iPhone with coremltools.

On an iPhone, coremltools installs and starts an app of its own, so Xcode has to be able to sign.
Source: coremltools.models.ml_program.experimental.perf_utils and .remote_device.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebake.errors import listed
from edgebake.evaluation.latency import (
    command,
    measurements,
    protocol,
    recording_check,
    stopwatch,
    surroundings,
)
from edgebake.evaluation.latency.command import CutOffError, DeviceError
from edgebake.evaluation.latency.protocol import StopwatchRunner
from edgebake.evaluation.latency.recording_check import RecordingError
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.evaluation.latency.stopwatch import MachineState, Recording, Request, Throughput
from edgebake.machine import turns
from edgebake.machine.turns import BusyError
from edgebake.runtimes.run_modes import RunMode
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from coremltools.models import MLModel
    from coremltools.models.ml_program.experimental.remote_device import Device

MAC = "mac"
ALL_UNITS = RunMode("", threaded=False)

RunCoroutine = Callable[[Coroutine[Any, Any, Any]], Any]  # of an asyncio.Runner


class _Clock:
    """Runs coroutines that together have to end before a deadline."""

    def __init__(self, run: RunCoroutine, seconds: float) -> None:
        self._run = run
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of a coroutine.

        Raises:
            CutOffError: it was ended at the deadline.
        """
        remaining = max(0.0, self._end - time.monotonic())
        try:
            return self._run(asyncio.wait_for(coroutine, remaining))
        except TimeoutError:
            raise CutOffError(f"no end of the answer after {self._seconds:,.0f} s") from None


def measure(request: TimingRequest) -> TimingResult:
    """Time a package in each run mode, on an iPhone in the first; or return the reason why not.

    Raises:
        HostError: this Mac does not run the package.
    """
    if not _on_a_mac():
        return absent(
            f"mac: Core ML is a part of macOS and iOS; this machine runs {stopwatch.os_name()}"
        )
    file, baseline = protocol.model_paths(request)
    runner = StopwatchRunner(
        where=MAC,
        file=str(file),
        baseline=str(baseline) if baseline else None,
        run=partial(protocol.run_in_process, allowed=protocol.limits(request.protocol)),
    )
    options = request.protocol.mac
    if options is None or options.device is None:
        return surroundings.measure(request, runner)
    if request.runtime != "coreml":
        return absent(f"mac: coremltools runs only Core ML on an iPhone, not {request.runtime}")
    stopwatch_request = protocol.stopwatch_request(request, runner, ALL_UNITS)
    try:
        with turns.device(f"iphone:{options.device}"), asyncio.Runner() as loop:
            clock = _Clock(loop.run, protocol.limits(request.protocol).seconds)
            recording = _time_on_iphone(clock.run, options.device, stopwatch_request)
    except (DeviceError, BusyError) as error:
        return absent(f"mac: {error}")
    return measurements.from_recordings([recording], MAC)


def _time_on_iphone(run: RunCoroutine, name: str, request: Request) -> Recording:
    """Return the recording that the stopwatch would make on an iPhone.

    The iPhone takes the times itself; they exclude the communication with it.

    Raises:
        DeviceError: the iPhone is not there, or coremltools cannot use it.
    """
    try:
        recording = _record(_IPhone(run, run(_prepare(name))), request)
        return recording_check.check_answer(recording, request)
    except DeviceError as error:
        raise DeviceError(f"{name}: {error}") from None
    except RecordingError as error:
        raise DeviceError(f"{name}: the times of coremltools: {error}") from None
    except Exception as error:  # coremltools raises the errors of devicectl, xcodebuild and its app
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        shown = printable(reason, max_length=command.MAX_TEXT)
        raise DeviceError(f"{name}: {shown}") from error


def _record(phone: "_IPhone", request: Request) -> Recording:
    warmup = request["warmup"]
    largest = request.get("largest", {})
    candidate = phone.load(request["file"], largest)
    load_ms = candidate.load_ms()
    first_ms = candidate.runs(1)[0]
    warm_up_ms = sorted(candidate.runs(max(1, warmup)))
    baseline_runs = None
    baseline_sha256 = None
    if request["baseline"]:
        baseline_runs = phone.load(request["baseline"], largest).runs
        baseline_runs(1 + warmup)
        baseline_sha256 = stopwatch.digest(Path(request["baseline"]))
    pairs = stopwatch.time_windows(
        candidate.runs, baseline_runs, request["runs"], request["seconds"], warm_up_ms[warmup // 2]
    )
    minutes = request["sustained_minutes"]
    sustained = stopwatch.time_sustained(candidate.runs, minutes) if minutes else None
    return {
        "schema": stopwatch.SCHEMA,
        "request": request,
        "sha256": stopwatch.digest(Path(request["file"])),
        "baseline_sha256": baseline_sha256,
        "runtime": phone.runtime(),
        "threads": None,
        "before": phone.state(),
        "after": phone.state(),
        "windows": pairs,
        "throughput": _no_throughput(request),
        "sustained": sustained,
        "load_ms": load_ms,
        "first_inference_ms": first_ms,
        "peak_memory_mb": None,
    }


def _no_throughput(request: Request) -> Throughput | None:
    if request["batch"] is None:
        return None
    reason = "coremltools times one image at a time on an iPhone"
    return {"batch": request["batch"], "reason": reason}


async def _prepare(name: str) -> "Device":
    """Start coremltools' app on the iPhone of a name."""
    from coremltools.models.ml_program.experimental.remote_device import Device

    phones = {phone.name: phone for phone in Device.get_devices()}
    if name not in phones:
        connected = printable(listed(phones))
        raise DeviceError(f"no such device; there are: {connected}")
    return await phones[name].prepare_for_model_debugging()


class _IPhone:
    """A paired iPhone on which coremltools' app runs."""

    def __init__(self, run: RunCoroutine, device: "Device") -> None:
        from edgebake.runtimes.coreml.apple import import_coremltools  # on a Mac alone

        self._run = run
        self._device = device
        self._coremltools = import_coremltools()

    def load(self, file: str, largest: dict[str, int]) -> "_Benchmark":
        """Prepare a package for timing."""
        # It is not loaded on this Mac, whose macOS may be older than the package requires.
        model = self._coremltools.models.MLModel(file, skip_model_load=True)
        return _Benchmark(self._run, model, self._device, largest)

    def runtime(self) -> str:
        """Return the versions of iOS and coremltools."""
        system = f"Core ML of iOS {self._device.os_version}"
        return f"{system}, coremltools {self._coremltools.__version__}"

    def state(self) -> MachineState:
        """Return the iPhone's names; coremltools does not report its temperature."""
        return {
            "os": f"iOS {self._device.os_version}",
            "cpu": self._device.name,
            "governor": "",
            "temperature_c": None,
        }


class _Benchmark:
    """A package on an iPhone."""

    def __init__(
        self, run: RunCoroutine, model: "MLModel", phone: "Device", largest: dict[str, int]
    ) -> None:
        from coremltools.models.ml_program.experimental.perf_utils import MLModelBenchmarker

        self._run = run
        self._benchmarker = MLModelBenchmarker(model, phone)
        # coremltools' own noise has no images.
        self._inputs = stopwatch.coreml_inputs(model.get_spec(), largest)

    def load_ms(self) -> float:
        """Load the package once and return the milliseconds that it took."""
        return self._samples(self._benchmarker.benchmark_load(), 1)[0]

    def runs(self, count: int) -> list[float]:
        """Run the package repeatedly and return the milliseconds of each run."""
        measurement = self._benchmarker.benchmark_predict(inputs=self._inputs, iterations=count)
        return self._samples(measurement, count)

    def _samples(self, measurement: Coroutine[Any, Any, Any], count: int) -> list[float]:
        """Return the milliseconds of so many runs.

        Raises:
            DeviceError: there are more or fewer, or one that no clock measures; with runs of 0 ms,
                the stopwatch would go on without end.
        """
        samples = [float(sample) for sample in self._run(measurement).samples]
        if len(samples) != count:
            raise DeviceError(f"coremltools has the times of {len(samples)} runs; expected {count}")
        for sample in samples:
            if not recording_check.RESOLUTION_MS <= sample <= recording_check.DAY_MS:
                raise DeviceError(f"coremltools has a run of {sample:g} ms; expected more than 0")
        return samples


def _on_a_mac() -> bool:
    return sys.platform == "darwin"
