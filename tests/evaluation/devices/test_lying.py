"""Devices that lie, hang or never stop: one message names the device and what is wrong."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import DataError, HostError
from edgebake.evaluation.devices import recorded
from edgebake.evaluation.latency import benchmark_model, command, protocol, stopwatch
from edgebake.evaluation.latency.command import CommandResult, DeviceError, Limits
from edgebake.recipe import Recorded
from tests import timings
from tests.evaluation.devices import lying
from tests.evaluation.devices.lying import Device

WINDOW = timings.window([2.0] * 10)
RECORDING = "the recording of the stopwatch: "
NO_RECORDING = "the last line of the stopwatch is not a recording: "


@pytest.fixture(params=["ssh", "adb"])
def device(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Device:
    return lying.install(tmp_path, request.param, monkeypatch)


@pytest.fixture(params=["ssh", "adb"])
def simulated(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Device:
    """A device that answers without a process for each command."""
    device = Device(tmp_path, request.param)
    monkeypatch.setattr(command, "run", device.run)
    return device


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    return lying.install(tmp_path, "ssh", monkeypatch)


def windows(**fields: Any) -> dict[str, Any]:
    """Return windows of which each candidate has other fields."""
    pair = {"candidate": {**WINDOW, **fields}, "baseline": WINDOW}
    return {"windows": [pair] * 30}


def test_a_sound_answer_is_measured(device: Device) -> None:
    metrics = device.measured().metrics
    assert (metrics["latency_p90_ms"].value, metrics["speedup"].value) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("null", f"{RECORDING}recording: None is not of type 'object'"),
        ("[1]", f"{RECORDING}recording: [1] is not of type 'object'"),
        ("5", f"{RECORDING}recording: 5 is not of type 'object'"),
        ("{}", f"{RECORDING}recording: 'after' is a required property"),
        ("", f"{NO_RECORDING}not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, f"{NO_RECORDING}nested deeper than 64 levels; expected fewer"),
        (
            '{"sha256": ' + "9" * 5000 + "}",
            f"{NO_RECORDING}not valid JSON: Exceeds the limit (4300 digits) for integer string "
            "conversion: value has 5000 digits; use sys.set_int_max_str_digits() to increase the "
            "limit",
        ),
        ('{"load_ms": NaN}', f"{NO_RECORDING}the number NaN; expected finite numbers"),
        ('{"load_ms": 1e999}', f"{NO_RECORDING}the number 1e999; expected finite numbers"),
        (
            '{"a": 1, "a": 2}',
            f"{NO_RECORDING}a key is repeated in one object; expected each key once",
        ),
    ],
)
def test_an_answer_that_is_no_recording(simulated: Device, answer: str, problem: str) -> None:
    simulated.answers(answer)
    assert simulated.reason() == problem


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "a text for a number": ({"load_ms": "abc"}, "load_ms: 'abc' is not of type 'number'"),
    "null for a number": ({"load_ms": None}, "load_ms: None is not of type 'number'"),
    "a list for a number": ({"load_ms": [1]}, "load_ms: [1] is not of type 'number'"),
    "true for a number": ({"load_ms": True}, "load_ms: True is not of type 'number'"),
    "no time": (
        {"first_inference_ms": 0},
        "first_inference_ms: 0 is less than the minimum of 1e-06",
    ),
    "a century": (
        {"load_ms": 3e15},
        "load_ms: 3000000000000000.0 is greater than the maximum of 86400000",
    ),
    "less than no memory": (
        {"peak_memory_mb": -1},
        "peak_memory_mb: -1 is less than the minimum of 0",
    ),
    "no windows": ({"windows": []}, "windows: [] is too short"),
    "an empty pair": ({"windows": [{}] * 30}, "windows[0]: 'candidate' is a required property"),
    "no runs": (windows(runs=0), "windows[0].candidate.runs: 0 is less than the minimum of 1"),
    "absurdly many runs": (
        windows(runs=10**30),
        f"windows[0].candidate.runs: {10**30} is greater than the maximum of 1000000000",
    ),
    "more runs than latencies": (
        windows(runs=100),
        "windows[0].candidate.latencies_ms: 10 of 100 runs; expected 100",
    ),
    "no latencies": (
        windows(latencies_ms=[]),
        "windows[0].candidate.latencies_ms: [] should be non-empty",
    ),
    "negative latencies": (
        windows(latencies_ms=[-2.0] * 10),
        "windows[0].candidate.latencies_ms[0]: -2.0 is less than the minimum of 1e-06",
    ),
    "latencies of zero": (
        windows(latencies_ms=[0.0] * 10, mean_ms=0.0),
        "windows[0].candidate.mean_ms: 0.0 is less than the minimum of 1e-06",
    ),
    "latencies below a nanosecond": (
        windows(latencies_ms=[1e-9] * 10, mean_ms=1e-9),
        "windows[0].candidate.mean_ms: 1e-09 is less than the minimum of 1e-06",
    ),
    "a mean that is not that of the latencies": (
        windows(mean_ms=0.5),
        "windows[0].candidate.mean_ms: 0.5; expected 2, as its runs have",
    ),
    "a mean far below the median": (
        windows(runs=1000, latencies_ms=[2.0] * 200, mean_ms=0.5),
        "windows[0].candidate.mean_ms: 0.5; expected half of the median of its runs or more",
    ),
    "fewer runs than asked": (
        {"windows": [{"candidate": WINDOW, "baseline": WINDOW}] * 2},
        "20 runs in 0.04 s; the recipe asks for at least 30 in 1e-06 s",
    ),
    "no baseline": (
        {"windows": [{"candidate": WINDOW}] * 30},
        "windows[0].baseline: expected one in every pair",
    ),
    "other threads": ({"threads": 8}, "threads: 8; expected 1"),
    "another batch": (
        {"throughput": {"batch": 64, "windows": [WINDOW]}},
        "throughput.batch: 64; expected 2",
    ),
    "an empty throughput": (
        {"throughput": {"batch": 2, "windows": []}},
        "throughput.windows: [] should be non-empty",
    ),
    "sustained load without windows": (
        {"sustained": {"windows": []}},
        "sustained.windows: [] should be non-empty",
    ),
    "an impossible temperature": (
        {"before": {**timings.STATE, "temperature_c": 1e6}},
        "before.temperature_c: 1000000.0 is greater than the maximum of 300",
    ),
    "a state without names": ({"after": {}}, "after: 'os' is a required property"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_value_that_cannot_be_measured(simulated: Device, lie: str) -> None:
    fields, problem = LIES[lie]
    simulated.answers(simulated.recording(**fields))
    assert simulated.reason() == f"{RECORDING}{problem}"


@pytest.mark.parametrize(
    "lie", [lie for lie in LIES if lie not in ("no baseline", "other threads")]
)
def test_a_recorded_value_that_cannot_be_measured(board: Device, lie: str) -> None:
    fields, problem = LIES[lie]
    file = board.root / "recording.json"
    board.request.protocol.recorded = Recorded(str(file))
    file.write_text(json.dumps(board.recording(**fields)))
    if lie == "fewer runs than asked":
        assert recorded.measure(board.request).metrics["speedup"].reason == f"{file}: {problem}"
        return
    if lie == "another batch":  # a lab may record any
        assert recorded.measure(board.request).metrics["throughput_batch_64"].value
        return
    with pytest.raises(DataError) as caught:
        recorded.measure(board.request)
    assert str(caught.value) == f"{file}: {problem}"


def test_a_recorded_run_mode_becomes_no_name_of_a_metric(board: Device) -> None:
    file = board.root / "recording.json"
    request = timings.stopwatch_request(Path("model.tflite"), way="\x1b[2K")
    file.write_text(json.dumps(board.recording(request=request)))
    with pytest.raises(DataError) as caught:
        recorded.read(file)
    assert str(caught.value) == (
        f"{file}: request.way: '\\x1b[2K' does not match '^[a-z0-9_]{{0,40}}$'"
    )


def test_a_recorded_file_is_bounded(board: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "MAX_BYTES", 1000)
    file = board.root / "recording.json"
    file.write_text(" " * 5000)
    with pytest.raises(DataError) as caught:
        recorded.read(file)
    assert str(caught.value) == f"{file}: 1,001 bytes; expected at most 1,000"


@pytest.mark.parametrize("key", ["sha256", "baseline_sha256"])
def test_the_digest_of_another_file(simulated: Device, key: str) -> None:
    simulated.answers(simulated.recording(**{key: "ab" * 32}))
    subject = {"sha256": "file than model.tflite", "baseline_sha256": "float parent"}[key]
    assert simulated.reason() == f"timed another {subject}: it was damaged in transfer"


@pytest.mark.parametrize("how", ["hangs", "drips", "stays open"])
def test_a_device_that_does_not_end_is_left_at_the_deadline(device: Device, how: str) -> None:
    device.request.protocol.deadline_minutes = 1 / 60
    device.behaves(how=how)
    start = time.monotonic()
    assert device.reason() == "no end of the answer after 1 s"
    assert time.monotonic() - start < 15
    commands = device.commands().splitlines()
    group = {"ssh": "/tmp/edgebake.Ab12Cd", "adb": "/data/local/tmp/edgebake"}[device.where]
    end = f"""exec sh -c 'group=$(cat {group}/group) && kill -9 "-$group"'"""
    assert commands[-2:] == [end, f"rm -rf {group}"]


@pytest.mark.parametrize("how", ["endless", "endless errors"])
def test_an_answer_without_end_is_cut_off(device: Device, how: str) -> None:
    device.behaves(how=how)
    assert device.reason() == "answered with more than 22,777,216 bytes; expected fewer"


def test_a_process_that_holds_the_output_open_does_not_delay_the_answer(device: Device) -> None:
    # The answer on all threads comes from the same simulated recording.
    device.behaves(how="leaves a process")
    start = time.monotonic()
    device.measured()
    assert time.monotonic() - start < 15


def test_names_of_a_device_are_escaped_and_cut(simulated: Device) -> None:
    state = {**timings.STATE, "cpu": "\x1b[2Kfast chip", "os": "x" * 5000, "governor": "a\nb"}
    simulated.answers(
        simulated.recording(before=state, after=state, runtime="\u202eemitnur"), names="\x1b[2Kx"
    )
    metric = simulated.measured().metrics["latency_p90_ms"]
    assert metric.runtime == "\\u202eemitnur"
    if simulated.where == "adb":
        assert metric.device == "\\x1b[2Kx (\\x1b[2Kx)"
        assert metric.os == "Android \\x1b[2Kx"
    else:
        assert metric.device == "\\x1b[2Kfast chip"
        assert metric.os == "x" * 200 + "..."
    assert metric.governor == "a\\nb"


def test_errors_of_a_device_are_escaped(device: Device) -> None:
    device.behaves(how="fails")
    assert device.reason() == "\\x1b]0;pwned\\x07\\x1b[2K\\x1b[1A evil"


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("/ /edgebake.x\n", "/ /edgebake.x"),
        ("/tmp/edgebake.x\nfoo; touch /tmp/x\n", "/tmp/edgebake.x\\nfoo; touch /tmp/x"),
        ("$(touch x)/edgebake.x\n", "$(touch x)/edgebake.x"),
        ("-rf /edgebake.1\n", "-rf /edgebake.1"),
        ("/tmp/../edgebake.x\n", "/tmp/../edgebake.x"),
        ("/tmp/`id`/edgebake.x\n", "/tmp/`id`/edgebake.x"),
        ("/tmp/edgebake.x;id\n", "/tmp/edgebake.x;id"),
        ("/tmp/edgebake.\n", "/tmp/edgebake."),
        ("/home/pi\n", "/home/pi"),
        ("tmp/edgebake.x\n", "tmp/edgebake.x"),
        ("\x1b[2K\n", "\\x1b[2K"),
        ("", "nothing"),
    ],
)
def test_an_answer_of_mktemp_becomes_no_part_of_a_command(
    board: Device, folder: str, shown: str
) -> None:
    board.behaves(folder=folder)
    expected = f"mktemp answered {shown}; expected a path such as /tmp/edgebake.Ab12Cd"
    assert board.reason() == expected
    assert board.commands() == "mktemp -d -t edgebake.XXXXXX\n"


def test_a_long_answer_of_a_short_command_is_cut_off(board: Device) -> None:
    board.behaves(folder="x" * 100_000)
    assert board.reason() == "answered with more than 65,536 bytes; expected fewer"


def test_a_serial_number_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = lying.install(tmp_path, "adb", monkeypatch)
    phone.answers("null", serial="\x1b[2K8A1")
    reason = phone.measured().metrics["speedup"].reason
    assert reason.startswith("adb: \\x1b[2K8A1: the recording")


LOG = (
    "INFO: count={count} curr=1 avg={avg} median={avg} p95={avg}\n"
    "INFO: Inference timings in us: Init: {init}, First inference: 9, Warmup (avg): 1, Inference\n"
    "INFO: Memory footprint delta from the start of the tool (MB): init=1 overall={memory}\n"
)
SOUND: dict[str, str] = {"count": "3", "avg": "20", "init": "7", "memory": "2.5"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"count": "0"}, "count is 0; expected a number from 1 to 1e+09"),
        ({"count": "9" * 30}, f"count is {'9' * 30}; expected a number from 1 to 1e+09"),
        ({"avg": "nan"}, "avg is nan; expected a number from 0.001 to 8.64e+10"),
        ({"avg": "-5"}, "avg is -5; expected a number from 0.001 to 8.64e+10"),
        ({"avg": "--"}, "avg is --; expected a number from 0.001 to 8.64e+10"),
        ({"avg": "1e999"}, "avg is 1e999; expected a number from 0.001 to 8.64e+10"),
        ({"avg": "\x1b[2K"}, "avg is \\x1b[2K; expected a number from 0.001 to 8.64e+10"),
        ({"init": "abc"}, "Init is abc; expected a number from 0.001 to 8.64e+10"),
        ({"memory": "-1"}, "overall is -1; expected a number from 0 to 1e+07"),
        ({"memory": "inf"}, "overall is inf; expected a number from 0 to 1e+07"),
    ],
)
def test_a_number_of_benchmark_model_that_is_none(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(DeviceError) as caught:
        benchmark_model.parse_round(LOG.format(**{**SOUND, **fields}))
    assert str(caught.value) == f"benchmark_model: {problem}"


def test_a_log_of_benchmark_model_without_the_runs() -> None:
    log = LOG.format(**SOUND).replace("avg=20", "x=1").replace("curr=1", "y=1")
    with pytest.raises(DeviceError) as caught:
        benchmark_model.parse_round(log)
    assert str(caught.value) == (
        "benchmark_model: avg is nothing; expected a number from 0.001 to 8.64e+10"
    )


def test_a_log_of_one_long_word_is_parsed_at_once() -> None:
    start = time.monotonic()
    benchmark_model.parse_round("count=1 " + "a" * 1_000_000 + "\n" + LOG.format(**SOUND))
    assert time.monotonic() - start < 2


def test_this_machine_gives_a_process_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/cat")  # "-m" is no option of cat
    request = timings.stopwatch_request(Path("model.tflite"))
    with pytest.raises(HostError, match=r"^model\.tflite: timing it failed: "):
        protocol.run_in_process(request, Limits(5, 1000))


def test_processes_are_ended_at_the_deadline(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(DeviceError, match=r"^no end of the answer after 1 s$"):
        command.run(["sh", "-c", script], Limits(1, 1000))
    child = (tmp_path / "pid").read_text().strip()
    state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, check=False)
    assert state.stdout.strip()[:1] in (b"", b"Z")


def test_a_command_that_ignores_its_input_ends_all_the_same() -> None:
    result = command.run(["true"], Limits(5, 1000), b"x" * 10_000_000)
    assert result == CommandResult(0, "", "")


def test_a_command_that_never_reads_is_ended() -> None:
    with pytest.raises(DeviceError, match=r"^no end of the answer after 1 s$"):
        command.run(["sleep", "1000"], Limits(1, 1000), b"x" * 10_000_000)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"deadline_minutes": 2.0}, 120),
        ({"warmup": 50, "runs": 1024, "seconds": 0.5}, 60 + 2 * 1074 + 1.5),
        ({"warmup": 0, "runs": 100, "seconds": 60, "sustained_minutes": 30}, 260 + 180 + 1800),
    ],
)
def test_the_deadline_is_that_of_the_protocol(fields: dict[str, Any], seconds: float) -> None:
    assert protocol.limits(timings.protocol(**fields)).seconds == seconds


def test_a_true_recording_of_a_stopwatch_passes() -> None:
    runs: Callable[[int], list[float]] = stopwatch.timed_runs_of(lambda: sum(range(1000)))
    window = stopwatch.summarize(runs(1000))
    request = timings.stopwatch_request(Path("model.tflite"))
    recording = timings.recording([[1.0] * 30] * 2) | {"windows": [{"candidate": window}] * 2}
    protocol.parse_output(CommandResult(0, json.dumps(recording), ""), request)
