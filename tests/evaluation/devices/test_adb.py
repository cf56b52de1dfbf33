"""Timings on a phone: a simulated adb whose phone is a folder, and benchmark_model's output."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake.evaluation.devices import adb
from edgebake.evaluation.latency import benchmark_model, stopwatch
from edgebake.evaluation.latency.command import DeviceError
from edgebake.evaluation.latency.request import TimingResult
from edgebake.recipe import Adb
from tests import timings

# A simulated adb. The phone's /data is a folder; getprop, cat and dumpsys print what a test says.
SIMULATOR = """#!{python} -IS
import json, os, pathlib, subprocess, sys
root = pathlib.Path({root!r})
phone = json.loads((root / "phone.json").read_text())
words = sys.argv[1:]
with (root / "log").open("a") as log:
    log.write(json.dumps(words) + "\\n")
if words == ["devices"]:
    print("List of devices attached")
    print("".join(f"{{serial}}\\t{{state}}\\n" for serial, state in phone["devices"].items()))
    sys.exit(phone["code"])
assert words[0] == "-s" and phone["devices"][words[1]] == "device", words
if words[2] == "push":
    source, target = pathlib.Path(words[3]), root / words[4].lstrip("/")
    if phone["full"]:
        print("adb: error: failed to copy: No space left on device", file=sys.stderr)
        sys.exit(1)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    print(f"{{source}}: 1 file pushed")
elif words[3] in phone["says"]:
    print(phone["says"][words[3]])
elif words[3].startswith(("getprop", "cat", "dumpsys")):
    sys.exit(1)
else:
    command = words[3].replace("/data/", f"{{root}}/data/")
    sys.exit(subprocess.run(["sh", "-c", command], check=False).returncode)
"""

# A simulated benchmark_model: each process of a file is slower by the file's next number.
BENCHMARK = """#!/bin/sh
case "$*" in *candidate*) exec cat {folder}/candidate.txt ;; esac
exec cat {folder}/baseline.txt
"""

WARMED = "INFO: count=9 first=91020 curr=55300 min=54900 max=91020 avg=60125.5 std=11800{}\n\n"
TIMED = "INFO: count=104 first={us} curr={us} min={us} max=36410 avg={us} std=1323{newer}\n\n"
TIMINGS = (
    "INFO: Inference timings in us: Init: 21432, First inference: 91020, "
    "Warmup (avg): 60125.5, Inference (avg): {us}\n"
    "INFO: Note: as the benchmark tool itself affects memory footprint, "
    "the following is only APPROXIMATE.\n"
)
MEMORY = "INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.5\n"
SAYS = {
    "getprop ro.product.model": "Pixel 8",
    "getprop ro.build.version.release": "14",
    "getprop ro.soc.model": "Tensor G3",
    "dumpsys thermalservice": "IsStatusOverride: false\nThermal Status: 1\nCached temperatures:",
    "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil",
}


def printed(us: float, newer: bool = True, memory: bool = True) -> str:
    """Return what benchmark_model prints where every run takes so many microseconds."""
    ends = f" p5={us - 5} median={us} p95={us + 100}" if newer else ""
    greeting = "INFO: STARTING!\nINFO: The input model file size (MB): 4.87\n"
    timed = TIMED.format(us=us, newer=ends) + TIMINGS.format(us=us)
    return (
        greeting
        + WARMED.format(ends and " p5=1 median=2 p95=3")
        + timed
        + (MEMORY if memory else "")
    )


class Phone:
    """A phone that is a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.binary = root / "benchmark_model"
        self.binary.write_text(BENCHMARK.format(folder=root))
        self.is_told()
        self.prints("candidate", printed(20_000))
        self.prints("baseline", printed(50_000))

    def is_told(self, **words: Any) -> None:
        """Say what adb and the phone answer."""
        told = {"devices": {"8A1": "device"}, "code": 0, "full": False, "says": SAYS, **words}
        (self.root / "phone.json").write_text(json.dumps(told))

    def prints(self, name: str, text: str) -> None:
        """Say what benchmark_model prints of the candidate or of the baseline."""
        (self.root / f"{name}.txt").write_text(text)

    def asked(self) -> list[list[str]]:
        """Return the words of each call of adb."""
        return [json.loads(line) for line in (self.root / "log").read_text().splitlines()]

    def measured(self, runtime: str = "litert", **words: Any) -> TimingResult:
        """Measure a handmade file on it."""
        way = Adb(**(words or {"benchmark_model": str(self.binary)}))
        least = {"runs": 30, "seconds": 1e-6} if way.python else {"runs": 1000, "seconds": 30}
        return adb.measure(
            timings.timing_request(self.root / "job", runtime, where="adb", adb=way, **least)
        )

    def reason(self, runtime: str = "litert", **words: Any) -> str:
        """Return why nothing was measured."""
        found = self.measured(runtime, **words).metrics
        assert sorted(found) == ["frames_per_second", "latency_p90_ms", "peak_memory_mb", "speedup"]
        (reason,) = {metric.reason for metric in found.values() if metric.value is None}
        assert not (self.root / "data/local/tmp/edgebake").exists()
        return reason


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phone:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "adb"
    program.write_text(SIMULATOR.format(python=sys.executable, root=str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(adb, "ROUNDS", 4)
    return Phone(tmp_path)


def test_numbers_are_those_that_benchmark_model_prints(phone: Phone) -> None:
    expected = {
        "latency_p50_ms": (20.0, 416),
        "latency_p95_ms": (20.1, 416),
        "latency_mean_ms": (20.0, 416),
        "frames_per_second": (50.0, 416),
        "first_inference_ms": (91.02, 4),
        "load_ms": (21.432, 4),
        "peak_memory_mb": (2.62144, 4),  # 2.5 of 1,024 x 1,024 bytes
        "speedup": (2.5, 4),
        "thermal_status_before": (1, None),
        "thermal_status_after": (1, None),
    }
    found = phone.measured().metrics
    assert {
        name: (round(found[name].value or 0, 9), found[name].n) for name in expected
    } == expected


def test_a_measurement_says_on_which_phone_it_was_made(phone: Phone) -> None:
    found = phone.measured().metrics["latency_p50_ms"]
    assert (found.where, found.device, found.os) == ("adb", "Pixel 8 (Tensor G3)", "Android 14")
    assert (found.governor, found.threads) == ("schedutil", 1)
    assert found.runtime == f"benchmark_model sha256 {stopwatch.digest(phone.binary)[:12]}"
    assert found.sha256 == stopwatch.digest(phone.root / "job/files/model.tflite")
    assert found.interval == [20.0, 20.0]


def test_it_tells_no_90th_percentile_and_no_throughput(phone: Phone) -> None:
    found = phone.measured().metrics
    for name, reason in (
        ("latency_p90_ms", benchmark_model.NO_P90),
        ("throughput_batch_2", adb.UNSUPPORTED),
    ):
        assert (found[name].value, found[name].where, found[name].reason) == (
            None,
            "not measured",
            reason,
        )


def test_an_older_version_tells_only_the_mean(phone: Phone) -> None:
    phone.prints("candidate", printed(20_000, newer=False, memory=False))
    phone.prints("baseline", printed(50_000, newer=False))
    found = phone.measured().metrics
    assert (found["latency_mean_ms"].value, found["speedup"].value) == (20.0, 2.5)
    assert {found[f"latency_p{one}_ms"].reason for one in (50, 95)} == {benchmark_model.ONLY_MEAN}
    assert found["peak_memory_mb"].reason == "benchmark_model reported no memory on this phone"


def test_candidate_and_baseline_take_turns_in_rounds(phone: Phone) -> None:
    phone.measured()
    runs = [words[3] for words in phone.asked() if "--graph=" in words[-1]]
    assert "".join("c" if "candidate" in run else "b" for run in runs) == "cbbc" * 2
    there = "/data/local/tmp/edgebake"
    options = (
        "--num_threads=1 --warmup_runs=1 --warmup_min_secs=0 "
        "--num_runs=250 --min_secs=7.5 --max_secs=3600"
    )
    run = f"{there}/benchmark_model {options} --graph={there}/candidate/model.tflite"
    assert runs[0] == f"exec sh -c 'echo $$ > {there}/group; {run}'"


def test_nothing_stays_on_the_phone(phone: Phone) -> None:
    phone.measured()
    assert list((phone.root / "data/local/tmp").iterdir()) == []


def test_a_phone_with_python_runs_the_stopwatch_and_tells_all(phone: Phone) -> None:
    # The request has the phone's paths; the simulator's shell replaces them by the folder's.
    found = phone.measured(python=sys.executable)
    p90 = found.metrics["latency_p90_ms"]
    assert p90.value
    assert (p90.where, p90.device, p90.os) == ("adb", "Pixel 8 (Tensor G3)", "Android 14")
    assert p90.runtime.startswith("ai-edge-litert ")
    assert found.metrics["latency_p90_ms_all_threads"].device == "Pixel 8 (Tensor G3)"
    assert sorted(found.resamples) == [
        "frames_per_second",
        "latency_p90_ms",
        "latency_p95_ms",
        "speedup",
    ]
    assert list((phone.root / "data/local/tmp").iterdir()) == []


def test_a_phone_that_says_little_of_itself_is_measured_all_the_same(phone: Phone) -> None:
    phone.is_told(says={"getprop ro.product.model": "Some", "getprop ro.board.platform": "mt6765"})
    found = phone.measured().metrics
    assert (found["latency_p50_ms"].device, found["latency_p50_ms"].governor) == (
        "Some (mt6765)",
        "",
    )
    assert "thermal_status_before" not in found


@pytest.mark.parametrize(
    ("told", "words", "reason"),
    [
        ({"devices": {}}, {}, "adb: no phone is attached"),
        (
            {"devices": {"8A1": "unauthorized"}},
            {},
            "adb: 8A1 is unauthorized; allow USB debugging on its screen",
        ),
        ({"devices": {"8A1": "offline"}}, {}, "adb: 8A1 is offline"),
        (
            {"devices": {"8A1": "no permissions (user in plugdev group)"}},
            {},
            "adb: 8A1 is no permissions (user in plugdev group)",
        ),
        (
            {"devices": {"8A1": "device", "9B2": "device"}},
            {},
            "adb: several phones are attached: 8A1, 9B2; expected one in adb.serial",
        ),
        ({}, {"serial": "9B2"}, "adb: 9B2 is not attached"),
        (
            {"full": True},
            {},
            "adb: 8A1: copying benchmark_model: "
            "adb: error: failed to copy: No space left on device",
        ),
    ],
)
def test_a_phone_that_cannot_be_used_is_told(
    phone: Phone, told: dict[str, Any], words: dict[str, Any], reason: str
) -> None:
    phone.is_told(**told)
    assert phone.reason(benchmark_model=str(phone.binary), **words) == reason


def test_one_of_several_phones_is_chosen_by_its_serial(phone: Phone) -> None:
    phone.is_told(devices={"8A1": "offline", "9B2": "device"})
    assert (
        phone.measured(benchmark_model=str(phone.binary), serial="9B2")
        .metrics["latency_p50_ms"]
        .value
    )


def test_benchmark_model_has_no_rows_of_a_table_for_an_input(phone: Phone, tmp_path: Path) -> None:
    way = Adb(benchmark_model=str(phone.binary))
    request = timings.timing_request(tmp_path / "ids", where="adb", adb=way, runs=1000, seconds=30)
    found = adb.measure(replace(request, largest={"text": 256})).metrics
    assert found["latency_p90_ms"].reason == (
        "adb: 8A1: benchmark_model fills the input text with integers that are no rows of a table; "
        "expected adb.python: the stopwatch knows the largest"
    )


def test_benchmark_model_runs_no_onnx_files(phone: Phone) -> None:
    expected = "adb: 8A1: benchmark_model runs only .tflite files, not those of onnxruntime"
    assert phone.reason("onnxruntime", benchmark_model=str(phone.binary)) == expected


def test_a_binary_that_is_not_there_is_told(phone: Phone) -> None:
    expected = "adb: 8A1: adb.benchmark_model: no file /nowhere"
    assert phone.reason(benchmark_model="/nowhere") == expected


def test_a_recipe_that_names_neither_binary_nor_python_is_told(phone: Phone) -> None:
    assert (
        phone.reason(serial="8A1")
        == "adb: the recipe names neither adb.benchmark_model nor adb.python"
    )


def test_a_file_that_benchmark_model_does_not_run_is_told(phone: Phone) -> None:
    phone.prints(
        "candidate",
        "INFO: STARTING!\nERROR: Didn't find op for builtin opcode\nBenchmarking failed.\n",
    )
    assert phone.reason() == "adb: 8A1: benchmark_model: Benchmarking failed."


def test_a_python_that_is_not_there_is_told(phone: Phone) -> None:
    assert "/no/python" in phone.reason(python="/no/python")


def test_a_machine_without_adb_is_told(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(phone.root))
    assert phone.reason() == "adb: not installed on this machine"


def test_runs_that_all_took_the_same_are_read_too() -> None:
    same = "INFO: count=1 curr=91020\n\nINFO: count=50 curr=20000(all same)\n\n" + TIMINGS.format(
        us=20_000
    )
    found = benchmark_model.parse_round(same)
    assert (found.runs, found.mean, found.p50, found.p95, found.memory_mb) == (
        50,
        20.0,
        20.0,
        20.0,
        None,
    )


def test_output_without_timings_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"^benchmark_model: printed nothing$"):
        benchmark_model.parse_round("")
