"""Serve calls in a child process; the program that `child` starts.

Requests come from standard input, pickled: they are from edgebake itself. Replies go to what was
standard output, encoded by `messages`. Whatever libraries print goes to standard error.
"""

import ctypes
import os
import pickle
import signal
import struct
import sys
import tempfile
import traceback
from collections.abc import Iterator
from typing import BinaryIO

from edgebake import plugins
from edgebake.child_process import limits, messages
from edgebake.errors import EdgebakeError

SIZES = struct.Struct("<QQ")  # of the JSON of a reply, and of the contents that follow it
REQUEST = struct.Struct("<Q")  # size of a request
PR_SET_PDEATHSIG = 1  # of Linux' prctl
# Texts in which libraries say that they did not get memory.
MEMORY_TEXTS = (
    "bad_alloc",
    "cannot allocate memory",
    "failed to allocate memory",
    "memoryerror",
    "oom when allocating",
    "out of memory",
    "unable to allocate",
)


def serve(parent: int) -> None:
    """Call the functions that the parent, a process id, asks for, until it closes its end."""
    _end_with(parent)
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    # Python would search for a folder by writing a file, which may be more than the limit allows.
    tempfile.tempdir = os.environ["TMPDIR"]
    known: set[str] = set()
    while True:
        request = _read_request(requests)
        if request is None:
            return
        # Imports the function's module, which may still write byte code.
        allowed, function, arguments = pickle.loads(request)  # noqa: S301 - of edgebake itself
        limits.apply(allowed)
        reply = _reply(function, arguments)
        reply["modules"] = sorted(_own_modules() - known)
        known.update(_own_modules())
        _write_reply(replies, reply)


def is_memory_message(text: str) -> bool:
    """Return whether a library says in a text that it did not get memory."""
    lower = text.lower()
    return any(message in lower for message in MEMORY_TEXTS)


def _end_with(parent: int) -> None:
    """Let the system end this process as soon as its parent has ended, on Linux."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        sys.exit(1)


def _read_request(requests: BinaryIO) -> bytes | None:
    header = requests.read(REQUEST.size)
    if len(header) < REQUEST.size:
        return None
    (size,) = REQUEST.unpack(header)
    return requests.read(size)


def _reply(function: object, arguments: tuple[object, ...]) -> dict[str, object]:
    """Return the result of a call, or its error."""
    try:
        return {"kind": "value", "value": function(*arguments)}  # type: ignore[operator]
    except Exception as error:
        if any(_is_out_of_memory(cause) for cause in _causes(error)):
            return {"kind": "memory"}
        error = plugins.error_in_plugin(error) or error
        if isinstance(error, EdgebakeError):
            return {"kind": "error", "name": type(error).__name__, "message": str(error)}
        traceback.print_exception(error)
        first_line = next(iter(str(error).splitlines()), "")
        return {"kind": "exception", "message": f"{type(error).__name__}: {first_line}"}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    cause: BaseException | None = error
    for _ in range(100):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or is_memory_message(str(error))


def _own_modules() -> set[str]:
    packages = ("edgebake.", f"{plugins.PROJECT.name}.")
    return {name for name in list(sys.modules) if name.startswith(packages)}


def _write_reply(replies: BinaryIO, reply: dict[str, object]) -> None:
    try:
        document, contents = messages.encode(reply)
    except (MemoryError, RecursionError, TypeError, ValueError) as error:
        refused = {"kind": "exception", "message": f"{type(error).__name__}: {error}"}
        document, contents = messages.encode({**refused, "modules": []})
    size = sum(len(content) for content in contents)
    replies.write(SIZES.pack(len(document), size))
    replies.write(document)
    for content in contents:
        replies.write(content)
    replies.flush()
