"""Send the progress of a stage from its process to the build, as lines of JSON through a pipe.

A line is `{"completed": 12, "total": 30, "unit": "epochs", "note": "accuracy 0.9312"}`.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection

from edgebake.documents import json_shape, strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.terminal.printable import printable
from edgebake.terminal.progress import Progress, Sink

MAX_LINE = 1024  # bytes; the system writes up to 4,096 at once, on Linux and macOS at least 512
MAX_COUNT = 1e15
MAX_TEXT = 80  # characters of a unit or a note


def sender(descriptor: int) -> Sink:
    """Return a function that writes reports into a pipe, for `progress.reported_to`.

    A build that has ended does not end the stage: its end is noticed elsewhere.
    """

    def send(progress: Progress) -> None:
        with suppress(OSError):
            os.write(descriptor, encode(progress) + b"\n")

    return send


def listen(reading: Connection, show: Sink) -> threading.Thread:
    """Show the reports that come through a pipe, in a thread that ends with the pipe."""

    def receive_all() -> None:
        with reading:
            receive(reading.fileno(), show)

    thread = threading.Thread(target=receive_all, name="progress", daemon=True)
    thread.start()
    return thread


def receive(descriptor: int, show: Sink) -> None:
    """Show reports that come through a pipe until every process has closed its other end.

    Other lines are left out: the code of a project's plugins could write them.
    """
    for line in _lines(descriptor):
        progress = parse(line)
        if progress is not None:
            show(progress)


def encode(progress: Progress) -> bytes:
    """Return the line of a report, without its end."""
    return json.dumps(asdict(progress)).encode()


def _lines(descriptor: int) -> Iterator[bytes]:
    """Yield the lines of a pipe without their ends; of a long line, the last part."""
    rest = b""
    while True:
        data = os.read(descriptor, 1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        rest = rest[-MAX_LINE:]


def parse(line: bytes) -> Progress | None:
    """Return the progress that a line holds; None if it holds something else."""
    try:
        values = strict_json.parse(line, MAX_LINE)
    except StrictJsonError:
        return None
    if json_shape.problem(values, Progress) is not None:
        return None
    progress = Progress(**values)
    if not 0 <= progress.completed <= progress.total <= MAX_COUNT:
        return None
    return Progress(
        progress.completed,
        progress.total,
        printable(progress.unit, max_length=MAX_TEXT),
        printable(progress.note, max_length=MAX_TEXT),
    )
