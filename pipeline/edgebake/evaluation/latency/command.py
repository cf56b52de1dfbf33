"""Run a command that talks to a device, with a deadline and a limit on the size of its answer.

A device can hang, answer without end, or keep the connection open. The command runs in a process
group of its own, which is ended in each of these cases.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from edgebake.terminal.printable import printable

CHUNK = 1 << 16  # bytes
KIB = 1 << 10
MAX_TEXT = 200  # characters of a device that a message quotes
# After the command itself has ended, a process that it left behind may hold its output open.
LEFTOVER_S = 1.0


class DeviceError(Exception):
    """A device could not time a file; the message is the reason."""


class CutOffError(DeviceError):
    """A command was ended here; it may still run on the device."""


@dataclass(frozen=True)
class Limits:
    """The longest duration of a command, and the most bytes of its answer."""

    seconds: float
    output_bytes: int


# For commands such as `getprop`, which answer with a line.
QUICK = Limits(seconds=60, output_bytes=64 * KIB)
# For what is done on a device that may hang already.
CLEANUP = Limits(seconds=15, output_bytes=64 * KIB)


@dataclass(frozen=True)
class CommandResult:
    """The exit code and output of a command."""

    code: int
    stdout: str
    stderr: str

    def last_line(self) -> str:
        """Return the last line of output, or the exit code if there is none."""
        text = last_line(self.stdout + self.stderr)
        return text or f"ended with code {self.code}"


def last_line(output: str) -> str:
    """Return the last line that is not empty, escaped and cut; empty if there is none."""
    lines = [line.strip() for line in output.splitlines()]
    nonempty = [line for line in lines if line]
    if not nonempty:
        return ""
    return printable(nonempty[-1], max_length=MAX_TEXT)


def run(command: Sequence[str], limits: Limits, stdin: bytes = b"") -> CommandResult:
    """Run a command, and return what it answered.

    Raises:
        FileNotFoundError: there is no such program.
        CutOffError: it was ended because it exceeded a limit; the message says which.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = _Exchange(process, limits, stdin).output()
    finally:
        _end_group(process)
    return CommandResult(
        code=process.returncode,
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
    )


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process, if it still runs, and those that it has started in its group."""
    with suppress(ProcessLookupError, PermissionError):  # macOS denies it for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


class _Exchange:
    """The input and output of a running process."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits, stdin: bytes) -> None:
        self._process = process
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._unsent = memoryview(stdin)
        self._size = 0
        self._output: dict[int, list[bytes]] = {}

    def output(self) -> tuple[bytes, bytes]:
        """Send the input, and return standard output and error once the process has ended."""
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process has no pipes")
        descriptors = (process.stdout.fileno(), process.stderr.fileno())
        with selectors.DefaultSelector() as selector:
            for descriptor in descriptors:
                self._output[descriptor] = []
                selector.register(descriptor, selectors.EVENT_READ)
            stdin = process.stdin.fileno()
            os.set_blocking(stdin, False)
            selector.register(stdin, selectors.EVENT_WRITE)
            self._transfer(selector, stdin)
        self._wait()
        stdout, stderr = descriptors
        return b"".join(self._output[stdout]), b"".join(self._output[stderr])

    def _transfer(self, selector: selectors.BaseSelector, stdin: int) -> None:
        """Write and read until both outputs are closed."""
        while any(descriptor in self._output for descriptor in selector.get_map()):
            if self._process.poll() is not None:
                # Output that a dead process has left in the pipe is there at once.
                self._deadline = min(self._deadline, time.monotonic() + LEFTOVER_S)
            events = selector.select(min(self._remaining(), LEFTOVER_S))
            for key, _ in events:
                if key.fd == stdin:
                    self._write(selector, stdin)
                else:
                    self._read(selector, key.fd)
            if not events and self._process.poll() is not None and self._remaining() == 0:
                return
            self._refuse_delay()

    def _write(self, selector: selectors.BaseSelector, stdin: int) -> None:
        sent = len(self._unsent)
        with suppress(BrokenPipeError):  # it has closed its input: its output says why
            if self._unsent:
                sent = os.write(stdin, self._unsent[:CHUNK])
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            selector.unregister(stdin)
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _read(self, selector: selectors.BaseSelector, descriptor: int) -> None:
        data = os.read(descriptor, CHUNK)
        if not data:
            selector.unregister(descriptor)
            return
        self._size += len(data)
        if self._size > self._limits.output_bytes:
            raise CutOffError(
                f"answered with more than {self._limits.output_bytes:,} bytes; expected fewer"
            )
        self._output[descriptor].append(data)

    def _wait(self) -> None:
        """Wait for the end of a process that has closed its output."""
        try:
            self._process.wait(max(self._remaining(), LEFTOVER_S))
        except subprocess.TimeoutExpired:
            raise self._delay() from None

    def _remaining(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _refuse_delay(self) -> None:
        if self._process.poll() is None and self._remaining() == 0:
            raise self._delay()

    def _delay(self) -> CutOffError:
        return CutOffError(f"no end of the answer after {self._limits.seconds:,.0f} s")
