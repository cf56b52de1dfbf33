"""Start a child process with limits, and call functions in it.

A child that dies, hangs or takes too much becomes an error that names the file and the library.
"""

from __future__ import annotations

import os
import pickle
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edgebake import errors
from edgebake.child_process import limits, messages
from edgebake.child_process.limits import GIB, Limits
from edgebake.child_process.server import REQUEST, SIZES, is_memory_message
from edgebake.errors import EdgebakeError
from edgebake.terminal.printable import printable

PROGRAM = "from edgebake.child_process.server import serve; serve({parent})"
READ_AT_ONCE = 1024**2
MAX_PRINTED = 64 * 1024  # bytes of what libraries print, the last ones
MAX_MESSAGE = 4000  # characters of an error
MAX_REASON = 200  # characters of a library's last line
END_SECONDS = 10  # until a child that closed its output has ended

# Names of modules of edgebake and of the project that children have imported, for the code digest.
imported_modules: set[str] = set()


@dataclass(frozen=True)
class Subject:
    """The file that a child works on, for the message if that fails."""

    file: str
    library: str  # that works on it
    error: type[EdgebakeError]
    expected: str  # how to go on


class _TimeoutError(Exception):
    """The child did not answer in time."""


class _DeathError(Exception):
    """The child closed its end."""


class Child:
    """A child process, which keeps its modules and their state between calls."""

    def __init__(self, allowed: Limits) -> None:
        self._limits = allowed
        self._folder = tempfile.mkdtemp(prefix="edgebake-")
        program = PROGRAM.format(parent=os.getpid())
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=limits.environment(self._folder),
            process_group=0,
        )
        self._printed = b""
        self._streams = selectors.DefaultSelector()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            os.set_blocking(_descriptor(stream), False)
        self._streams.register(_descriptor(self._process.stderr), selectors.EVENT_READ)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_alive(self) -> bool:
        """Return whether the child can be called."""
        return self._process.poll() is None

    def call(self, subject: Subject, function: Callable[..., object], *arguments: object) -> Any:
        """Return what a function returns in the child.

        Args:
            subject: named by errors.
            function: of a module, so that the child can import it.
            arguments: of the function, which have to be picklable.

        Raises:
            EdgebakeError: one that the function raised, or the subject's if the child died, hung,
                needed more than its limits or raised another error.
        """
        request = pickle.dumps((self._limits, function, arguments), pickle.HIGHEST_PROTOCOL)
        deadline = time.monotonic() + self._limits.seconds
        try:
            header = REQUEST.pack(len(request))
            self._send(header + request, deadline)
            reply = self._receive(deadline)
        except _TimeoutError:
            self._kill()
            raise self._failure(subject, self._time_problem()) from None
        except _DeathError:
            raise self._failure(subject, self._death()) from None
        except messages.MessageError as error:
            self._kill()
            raise self._failure(subject, f"returned no valid data ({error})") from None
        return self._value(subject, reply)

    def close(self) -> None:
        """End the child and remove its temporary files; it has nothing left to finish."""
        self._streams.close()
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, data: bytes, deadline: float) -> None:
        descriptor = _descriptor(self._process.stdin)
        rest = memoryview(data)
        while rest:
            self._wait_for(descriptor, selectors.EVENT_WRITE, deadline)
            try:
                sent = os.write(descriptor, rest)
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise _DeathError from None
            rest = rest[sent:]

    def _receive(self, deadline: float) -> dict[str, Any]:
        header = self._read(SIZES.size, deadline)
        document_size, content_size = SIZES.unpack(header)
        if document_size > messages.MAX_JSON or content_size > self._limits.memory_gib * GIB:
            raise messages.MessageError(f"{document_size + content_size:,} bytes")
        document = self._read(document_size, deadline)
        content = self._read(content_size, deadline)
        reply = messages.decode(bytes(document), memoryview(content))
        if not isinstance(reply, dict):
            raise messages.MessageError("no mapping")
        return reply

    def _read(self, size: int, deadline: float) -> bytearray:
        descriptor = _descriptor(self._process.stdout)
        data = bytearray()
        while len(data) < size:
            self._wait_for(descriptor, selectors.EVENT_READ, deadline)
            try:
                chunk = os.read(descriptor, min(READ_AT_ONCE, size - len(data)))
            except BlockingIOError:
                continue
            if not chunk:
                raise _DeathError
            data += chunk
        return data

    def _wait_for(self, descriptor: int, event: int, deadline: float) -> None:
        """Wait until a pipe is ready, and read meanwhile what the child prints."""
        self._streams.register(descriptor, event)
        try:
            while True:
                seconds = deadline - time.monotonic()
                if seconds <= 0:
                    raise _TimeoutError
                ready = [key.fd for key, _ in self._streams.select(seconds)]
                if ready != [descriptor]:
                    self._read_printed()
                if descriptor in ready:
                    return
        finally:
            self._streams.unregister(descriptor)

    def _read_printed(self) -> bool:
        """Read what the child has printed; return whether there may be more."""
        descriptor = _descriptor(self._process.stderr)
        try:
            chunk = os.read(descriptor, READ_AT_ONCE)
        except BlockingIOError:
            return False
        printed = self._printed + chunk
        self._printed = printed[-MAX_PRINTED:]
        if not chunk:
            with suppress(KeyError):
                self._streams.unregister(descriptor)
        return bool(chunk)

    def _value(self, subject: Subject, reply: dict[str, Any]) -> Any:
        """Return the value of a reply, or raise its error. Nothing in it is trusted."""
        modules = reply.get("modules")
        if isinstance(modules, list):
            imported_modules.update(str(name) for name in modules)
        kind = reply.get("kind")
        if kind == "value":
            return reply.get("value")
        message = printable(reply.get("message"), keep="\n", max_length=MAX_MESSAGE)
        error = getattr(errors, str(reply.get("name")), None)
        if kind == "error" and isinstance(error, type) and issubclass(error, EdgebakeError):
            raise error(message)
        if kind == "memory":
            self._kill()  # libraries may not have cleaned up
            raise self._failure(subject, self._memory_problem())
        raise self._failure(subject, f"failed ({printable(message, max_length=MAX_REASON)})")

    def _death(self) -> str:
        """Return what ended the child, in plain words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        status = self._process.poll()
        self._kill()
        while self._read_printed():
            pass
        printed = self._printed.decode(errors="replace")
        if status is None:
            return "closed its output"
        if status == -signal.SIGXFSZ:
            return f"wrote a file larger than {self._limits.file_mib:g} MiB"
        if status == -signal.SIGXCPU:
            return self._time_problem()
        if is_memory_message(printed):
            return self._memory_problem()
        problem = f"ended with exit code {status}"
        if status < 0:
            problem = f"was ended by {signal_name(-status)}"
        # A library that ends its process says why; a process that the system ends does not.
        reason = _last_line(printed)
        if reason and (status > 0 or status == -signal.SIGABRT):
            return f"{problem} ({reason})"
        return problem

    def _time_problem(self) -> str:
        return f"took longer than {self._limits.seconds:g} s{_raised_by(self._limits.seconds_key)}"

    def _memory_problem(self) -> str:
        gib = f"{self._limits.memory_gib:g} GiB"
        return f"needed more than {gib} of memory{_raised_by(self._limits.memory_key)}"

    def _failure(self, subject: Subject, problem: str) -> EdgebakeError:
        """Return the error of a failed call. The log of a stage gets what the child printed."""
        while self._read_printed():
            pass
        if self._printed and not os.isatty(2):
            text = printable(
                self._printed.decode(errors="replace"), keep="\n", max_length=MAX_PRINTED
            )
            with suppress(OSError):
                os.write(2, f"{text}\n".encode())
        self._printed = b""
        return subject.error(f"{subject.file}: {subject.library} {problem}; {subject.expected}")

    def _kill(self) -> None:
        """Kill the child, and the processes that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def run(
    allowed: Limits, subject: Subject, function: Callable[..., object], *arguments: object
) -> Any:
    """Return what a function returns in a child process of its own.

    Raises:
        EdgebakeError: as `Child.call`.
    """
    with Child(allowed) as child:
        return child.call(subject, function, *arguments)


def _descriptor(stream: Any) -> int:
    descriptor: int = stream.fileno()
    return descriptor


def signal_name(number: int) -> str:
    """Return the name of a signal, for example SIGABRT."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(printed: str) -> str:
    lines = printed.split("\n")
    texts = ["", *[line.strip() for line in lines if line.strip()]]
    return printable(texts[-1], max_length=MAX_REASON)


def _raised_by(key: str) -> str:
    return key and f", the limit {key}"
