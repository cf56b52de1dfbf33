"""Progress through a pipe: what one end sends is what the other shows, and nothing else."""

import os

import pytest

from edgebake.execution import progress_pipe
from edgebake.terminal.progress import Progress

REPORT = Progress(12, 30, "epochs", "accuracy 0.9312")


def _received(*data: bytes) -> list[Progress]:
    """Return what is shown of bytes in a pipe, written in one go each."""
    reading, writing = os.pipe()
    for part in data:
        os.write(writing, part)
    os.close(writing)
    shown: list[Progress] = []
    try:
        progress_pipe.receive(reading, shown.append)
    finally:
        os.close(reading)
    return shown


def test_reports_arrive_as_they_were_sent() -> None:
    reading, writing = os.pipe()
    send = progress_pipe.sender(writing)
    send(REPORT)
    send(Progress(200, 1000.5, "examples"))
    os.close(writing)
    shown: list[Progress] = []
    progress_pipe.receive(reading, shown.append)
    os.close(reading)
    assert shown == [REPORT, Progress(200, 1000.5, "examples")]


def test_a_stage_goes_on_when_the_build_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    progress_pipe.sender(writing)(REPORT)
    os.close(writing)


def test_a_line_may_come_in_parts() -> None:
    line = b'{"completed": 1, "total": 2, "unit": "runs"}\n'
    assert _received(line[:20], line[20:] + line) == [Progress(1, 2, "runs")] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"epoch 3 of 30",
        b'{"completed": 1, "total": 2}',
        b'{"completed": 1, "total": 2, "unit": "runs", "more": 1}',
        b'{"completed": "1", "total": 2, "unit": "runs"}',
        b'{"completed": 3, "total": 2, "unit": "runs"}',
        b'{"completed": -1, "total": 2, "unit": "runs"}',
        b'{"completed": 1, "total": 1' + b"0" * 400 + b', "unit": "runs"}',
        b'{"completed": 1, "total": 2, "unit": "' + b"r" * 1024 + b'"}',
    ],
)
def test_other_lines_are_left_out(line: bytes) -> None:
    good = b'{"completed": 1, "total": 2, "unit": "runs"}\n'
    assert _received(good, line + b"\n", good) == [Progress(1, 2, "runs")] * 2


def test_texts_cannot_act_on_the_terminal_and_are_short() -> None:
    line = b'{"completed": 1, "total": 2, "unit": "\\u001b[2J", "note": "%s"}\n' % (b"n" * 100)
    (shown,) = _received(line)
    assert shown == Progress(1, 2, "\\x1b[2J", "n" * 80 + "...")
