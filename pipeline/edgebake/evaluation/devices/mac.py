"""Core ML's own runtime: on this Mac through the stopwatch, or on a paired iPhone through coremltools.

On an iPhone, coremltools installs and starts an app of its own, for which Xcode has to be able to sign. Source:
coremltools.models.ml_program.experimental.perf_utils and .remote_device.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from edgebake.evaluation.latency import measurements, protocol, stopwatch
from edgebake.evaluation.latency.measurements import Answer
from edgebake.evaluation.latency.protocol import Place, UnansweredError
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.runtimes.run_modes import RunMode

MAC = "mac"
FIRST = RunMode("", threaded=False)  # all compute units


def measure(job: TimingRequest) -> TimingResult:
    """Return what is measured of a package in each of its ways, on an iPhone in the first, or why nothing is.

    Raises:
        HostError: this Mac does not run the package.
    """
    if not _on_a_mac():
        return absent(
            f"mac: Core ML is a part of macOS and iOS; this machine runs {stopwatch.os_name()}"
        )
    file, baseline = (str(path) if path else None for path in protocol.opened(job))
    name = job.protocol.mac.device if job.protocol.mac else None
    if name is None:
        return protocol.measure(job, Place(MAC, str(file), baseline, protocol.in_a_process))
    if job.runtime != "coreml":
        return absent(f"mac: an iPhone runs Core ML alone through coremltools, not {job.runtime}")
    asked = protocol.request(job, Place(MAC, str(file), baseline, protocol.in_a_process), FIRST)
    try:
        with asyncio.Runner() as runner:
            answers = [_on_iphone(runner.run, name, asked)]
    except UnansweredError as error:
        return absent(f"mac: {error}")
    return measurements.timing(answers, MAC)


def _on_iphone(run: Any, name: str, asked: Answer) -> Answer:
    """Return what the stopwatch would answer if it ran there.

    The times are those that the iPhone takes itself, without what it costs to talk to it.

    Raises:
        UnansweredError: the iPhone is not there, or coremltools cannot use it.
    """
    from edgebake.runtimes.coreml.apple import import_coremltools  # on a Mac alone

    coremltools = import_coremltools()
    try:
        phone = run(_prepared(name))
        found = _timed(asked, lambda file: _Benchmark(run, coremltools.models.MLModel, file, phone))
    except UnansweredError:
        raise
    except (
        Exception
    ) as error:  # coremltools raises whatever devicectl, xcodebuild and its own app end in
        raise UnansweredError(
            f"{name}: {type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    state = {
        "os": f"iOS {phone.os_version}",
        "cpu": phone.name,
        "governor": "",
        "temperature_c": None,
    }
    runtime = f"Core ML of iOS {phone.os_version}, coremltools {coremltools.__version__}"
    return {**found, "runtime": runtime, "threads": None, "before": state, "after": state}


def _timed(asked: Answer, opened: "Callable[[str], _Benchmark]") -> Answer:
    candidate = opened(asked["file"])
    costs = candidate.costs()
    typical = sorted(candidate.runs(max(1, asked["warmup"])))[asked["warmup"] // 2]
    baseline = opened(asked["baseline"]) if asked["baseline"] else None
    if baseline:
        baseline.runs(1 + asked["warmup"])
    parent = baseline.runs if baseline else None
    return {
        "schema": stopwatch.SCHEMA,
        "request": asked,
        "sha256": stopwatch.digest(Path(asked["file"])),
        "baseline_sha256": stopwatch.digest(Path(asked["baseline"])) if asked["baseline"] else None,
        "windows": stopwatch.windows(
            candidate.runs, parent, asked["runs"], asked["seconds"], typical
        ),
        "throughput": {
            "batch": asked["batch"],
            "reason": "coremltools times one image at a time on an iPhone",
        },
        "sustained": stopwatch.sustained(candidate.runs, asked)
        if asked["sustained_minutes"]
        else None,
        "peak_memory_mb": None,
        **costs,
    }


async def _prepared(name: str) -> Any:
    """Return the iPhone of that name with coremltools' app running on it."""
    from coremltools.models.ml_program.experimental.remote_device import Device

    phones = {phone.name: phone for phone in Device.get_devices()}
    if name not in phones:
        raise UnansweredError(
            f"{name}: no such device; there are: {', '.join(sorted(phones)) or 'none'}"
        )
    return await phones[name].prepare_for_model_debugging()


class _Benchmark:
    """A package on an iPhone."""

    def __init__(self, run: Any, opened: Any, file: str, phone: Any) -> None:
        from coremltools.models.ml_program.experimental.perf_utils import MLModelBenchmarker

        # It is not loaded on this Mac, whose macOS may be older than what the package needs.
        model = opened(file, skip_model_load=True)
        self._run, self._made = run, MLModelBenchmarker(model, phone)
        self._fed = stopwatch.features(model.get_spec())  # coremltools' own noise refuses images

    def costs(self) -> dict[str, float]:
        """Return what loading took, and the very first run."""
        load: float = self._samples(self._made.benchmark_load())[0]
        return {"load_ms": load, "first_inference_ms": self.runs(1)[0]}

    def runs(self, count: int) -> list[float]:
        """Run so often and return what each run took, in milliseconds."""
        return self._samples(self._made.benchmark_predict(inputs=self._fed, iterations=count))

    def _samples(self, asked: Coroutine[Any, Any, Any]) -> list[float]:
        return [float(one) for one in self._run(asked).samples]


def _on_a_mac() -> bool:
    return sys.platform == "darwin"
