"""The output of a stopwatch that ended without a recording."""

from pathlib import Path

import pytest

from edgebake.evaluation.latency import protocol
from edgebake.evaluation.latency.command import CommandResult, DeviceError
from tests import timings


@pytest.mark.parametrize(
    ("code", "stderr", "message"),
    [
        (-6, "free(): double free detected\n", "its process was ended by SIGABRT ({})"),
        (-11, "", "its process was ended by SIGSEGV"),
        (1, "stopwatch: no such file\nmore\n", "no such file"),
        (3, "", "ended with code 3"),
    ],
)
def test_the_end_of_a_process_is_named(code: int, stderr: str, message: str) -> None:
    request = timings.stopwatch_request(Path("model.tflite"))
    with pytest.raises(DeviceError) as caught:
        protocol.parse_output(CommandResult(code, "", stderr), request)
    assert str(caught.value) == message.format("free(): double free detected")
