"""Parsers of what boards and phones answer."""

import json
from pathlib import Path

from edgebake.evaluation.devices import recorded
from edgebake.evaluation.latency import benchmark_model, measurements, protocol
from edgebake.evaluation.latency.command import CommandResult, DeviceError
from tests import timings
from tests.fuzz import mutations
from tests.fuzz.target import Target, file_parser

BENCHMARK_MODEL = (
    "INFO: Loaded model /data/local/tmp/model.tflite\n"
    "INFO: count=50 first=1234 curr=1200 min=1100 max=1300 avg=1205.5 std=12 median=1200 p95=1290\n"
    "INFO: Inference timings in us: Init: 12345, First inference: 1234, Warmup (avg): 1200, "
    "Inference (avg): 1205.5\n"
    "INFO: Memory footprint delta from the start of the tool (MB): init=3.5 overall=4.25\n"
)


def _recordings() -> list[bytes]:
    return [json.dumps(timings.recording([[1.0] * 30] * 10)).encode()]


def _parse_answer(data: bytes, _: Path) -> object:
    """Compute measurements of whatever passes the check."""
    request = timings.stopwatch_request(Path("model.tflite"))
    result = CommandResult(0, data.decode(errors="replace"), "")
    recording = protocol.parse_output(result, request)
    return measurements.from_recordings([recording], "ssh")


TARGETS = [
    Target(
        "answer of a device",
        _recordings,
        _parse_answer,
        refusals=(DeviceError,),
        mutate=mutations.change_json,
    ),
    Target(
        "recording",
        _recordings,
        file_parser("recording.json", recorded.read),
        mutate=mutations.change_json,
    ),
    Target(
        "benchmark_model",
        lambda: [BENCHMARK_MODEL.encode()],
        lambda data, _: benchmark_model.parse_round(data.decode(errors="replace")),
        refusals=(DeviceError,),
        mutate=mutations.change_text,
    ),
]
