"""Timings on a Mac and an iPhone: a stand-in for coremltools, on a machine that seems a Mac."""

import asyncio
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from edgebake.evaluation.devices import mac
from edgebake.evaluation.latency import protocol, stopwatch
from edgebake.evaluation.latency.command import Limits
from edgebake.evaluation.latency.request import TimingRequest
from edgebake.recipe import Mac
from edgebake.runtimes.run_modes import RunMode
from tests import timings

UNITS = (RunMode("", threaded=False), RunMode("cpu_only", threaded=False))


def job(root: Path, device: str | None = None, **words: Any) -> TimingRequest:
    """Return a job for a package, beside its float parent."""
    for folder in ("files", "baseline"):
        (root / folder / "model.mlpackage").mkdir(parents=True)
        (root / folder / "model.mlpackage" / "Manifest.json").write_text(folder)
    protocol = timings.protocol("mac", mac=Mac(device), **words)
    return TimingRequest("coreml", root / "files", root / "baseline", UNITS, protocol)


@pytest.fixture
def on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mac, "_on_a_mac", lambda: True)


@dataclass
class Phone:
    """Stands for coremltools' Device: an iPhone that is paired with this Mac."""

    name: str = "Lab iPhone"
    os_version: str = "18.2"
    prepared: bool = False

    async def prepare_for_model_debugging(self) -> "Phone":
        if self.name == "Locked":
            raise ValueError("The device cannot be used\nfor model debugging.")
        return replace(self, prepared=True)


@dataclass
class Benchmarker:
    """Stands for MLModelBenchmarker: 2 ms for the converted file, 5 ms for its float parent."""

    model: Any
    device: Phone
    calls: list[int] = field(default_factory=list)

    async def benchmark_load(self, iterations: int = 1) -> Any:
        assert self.device.prepared
        return SimpleNamespace(samples=[40.0] * iterations)

    async def benchmark_predict(self, inputs: dict[str, Any], iterations: int = 1) -> Any:
        assert inputs["image"].size == (6, 4)
        self.calls.append(iterations)
        first = [9.0] if len(self.calls) == 1 else []
        ms = 5.0 if "baseline" in self.model.path else 2.0
        return SimpleNamespace(samples=(first + [ms] * iterations)[:iterations])


@pytest.fixture
def coremltools(on_a_mac: None, monkeypatch: pytest.MonkeyPatch) -> list[Phone]:
    """Let a coremltools be installed that knows these iPhones."""
    phones = [Phone(), Phone("Locked")]
    image = SimpleNamespace(colorSpace=stopwatch.GRAYSCALE, width=6, height=4)
    kind = SimpleNamespace(imageType=image, WhichOneof=lambda _: "imageType")
    spec = SimpleNamespace(
        description=SimpleNamespace(input=[SimpleNamespace(name="image", type=kind)])
    )

    def opened(path: str, skip_model_load: bool) -> Any:
        assert skip_model_load
        return SimpleNamespace(path=path, get_spec=lambda: spec)

    contents: dict[str, dict[str, Any]] = {
        "coremltools": {"__version__": "9.0", "models": SimpleNamespace(MLModel=opened)},
        "coremltools.models": {},
        "coremltools.models.ml_program": {},
        "coremltools.models.ml_program.experimental": {},
        "coremltools.models.ml_program.experimental.remote_device": {
            "Device": SimpleNamespace(get_devices=lambda: phones)
        },
        "coremltools.models.ml_program.experimental.perf_utils": {
            "MLModelBenchmarker": Benchmarker
        },
    }
    for name, content in contents.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return phones


def test_another_machine_than_a_mac_says_so(tmp_path: Path) -> None:
    found = mac.measure(job(tmp_path)).metrics
    assert sorted(found) == ["frames_per_second", "latency_p90_ms", "peak_memory_mb", "speedup"]
    expected = f"mac: Core ML is a part of macOS and iOS; this machine runs {stopwatch.os_name()}"
    assert {(one.value, one.reason) for one in found.values()} == {(None, expected)}


def test_a_mac_times_the_package_in_each_of_its_ways(
    tmp_path: Path, on_a_mac: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[dict[str, Any]] = []

    def run(request: dict[str, Any], allowed: Limits) -> Any:
        assert allowed.seconds > 0
        requests.append(request)
        baselines = [[6.0]] * 30 if request["baseline"] else []
        return timings.recording([[2.0]] * 30, baselines, threads=None, runtime="coremltools 9.0")

    monkeypatch.setattr(protocol, "run_in_process", run)
    metrics = mac.measure(job(tmp_path)).metrics
    assert [(one["way"], one["threads"]) for one in requests] == [("", None), ("cpu_only", None)]
    assert requests[0]["file"] == str(tmp_path / "files" / "model.mlpackage")
    assert (metrics["latency_p90_ms"].value, metrics["latency_p90_ms"].where) == (2.0, "mac")
    assert metrics["speedup"].value == 3.0
    assert "latency_p90_ms_cpu_only" in metrics


def test_an_iphone_tells_what_each_run_took(tmp_path: Path, coremltools: list[Phone]) -> None:
    found = mac.measure(job(tmp_path, "Lab iPhone"))
    values = {name: metric.value for name, metric in found.metrics.items()}
    expected = {"latency_p90_ms": 2.0, "speedup": 2.5, "baseline_p90_ms": 5.0, "load_ms": 40.0}
    assert {name: values[name] for name in expected} == expected
    assert values["first_inference_ms"] == 9.0
    p90 = found.metrics["latency_p90_ms"]
    assert (p90.where, p90.device, p90.os, p90.n) == ("mac", "Lab iPhone", "iOS 18.2", 30)
    assert p90.runtime == "Core ML of iOS 18.2, coremltools 9.0"
    assert p90.sha256 == stopwatch.digest(tmp_path / "files" / "model.mlpackage")


def test_what_an_iphone_does_not_tell_is_not_measured(
    tmp_path: Path, coremltools: list[Phone]
) -> None:
    found = mac.measure(job(tmp_path, "Lab iPhone")).metrics
    for name in ("peak_memory_mb", "throughput_batch_2"):
        assert found[name].value is None
        assert found[name].reason


def test_an_iphone_that_is_not_there_is_told(tmp_path: Path, coremltools: list[Phone]) -> None:
    reason = mac.measure(job(tmp_path, "Other")).metrics["latency_p90_ms"].reason
    assert reason == "mac: Other: no such device; there are: Lab iPhone, Locked"


def test_an_iphone_that_coremltools_cannot_use_is_told(
    tmp_path: Path, coremltools: list[Phone]
) -> None:
    reason = mac.measure(job(tmp_path, "Locked")).metrics["latency_p90_ms"].reason
    assert reason == "mac: Locked: ValueError: The device cannot be used for model debugging."


def test_an_iphone_runs_core_ml_alone(tmp_path: Path, coremltools: list[Phone]) -> None:
    litert = timings.timing_request(tmp_path, where="mac", mac=Mac("Lab iPhone"))
    reason = mac.measure(litert).metrics["latency_p90_ms"].reason
    assert reason == "mac: coremltools runs only Core ML on an iPhone, not litert"


@pytest.mark.parametrize(
    ("samples", "problem"),
    [
        ([0.0], "coremltools has a run of 0 ms; expected more than 0"),
        ([-1.0], "coremltools has a run of -1 ms; expected more than 0"),
        ([float("nan")], "coremltools has a run of nan ms; expected more than 0"),
        ([1e-9], "coremltools has a run of 1e-09 ms; expected more than 0"),
        ([], "coremltools has the times of 0 runs; expected 1"),
        ([1.0, 1.0], "coremltools has the times of 2 runs; expected 1"),
        (["\x1b[2K"], "ValueError: could not convert string to float: '\\x1b[2K'"),
    ],
)
def test_an_iphone_that_tells_impossible_times(
    tmp_path: Path,
    coremltools: list[Phone],
    monkeypatch: pytest.MonkeyPatch,
    samples: list[Any],
    problem: str,
) -> None:
    async def benchmark_load(_: Any) -> Any:
        return SimpleNamespace(samples=samples)

    monkeypatch.setattr(Benchmarker, "benchmark_load", benchmark_load)
    reason = mac.measure(job(tmp_path, "Lab iPhone")).metrics["latency_p90_ms"].reason
    assert reason == f"mac: Lab iPhone: {problem}"


def test_an_iphone_that_never_answers_is_left_at_the_deadline(
    tmp_path: Path, coremltools: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def benchmark_load(_: Any) -> Any:
        await asyncio.sleep(1000)

    monkeypatch.setattr(Benchmarker, "benchmark_load", benchmark_load)
    request = job(tmp_path, "Lab iPhone", deadline_minutes=1 / 60)
    reason = mac.measure(request).metrics["latency_p90_ms"].reason
    assert reason == "mac: Lab iPhone: no end of the answer after 1 s"


def test_names_of_an_iphone_are_escaped(tmp_path: Path, coremltools: list[Phone]) -> None:
    coremltools[0] = Phone("Lab iPhone", os_version="18\x1b[2K")
    metric = mac.measure(job(tmp_path, "Lab iPhone")).metrics["latency_p90_ms"]
    assert metric.os == "iOS 18\\x1b[2K"
    assert metric.runtime == "Core ML of iOS 18\\x1b[2K, coremltools 9.0"
