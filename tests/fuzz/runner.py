"""Run a parser on changed inputs in a child process, and watch it for hangs and crashes."""

import mmap
import os
import resource
import signal
import struct
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.target import Target

SECONDS_OF_INPUT = 5.0  # then it hangs
MEMORY = 2 << 30  # bytes that the parsers may take beyond those of the start
MAX_FAILURES = 5  # of one parser
POLL_S = 0.05
# Of the memory that both processes see: inputs, refused ones; then the input and the failure.
COUNTERS = struct.Struct("<QQ")
INPUT_AT = COUNTERS.size
MAX_INPUT = 8 << 20
MESSAGE_AT = INPUT_AT + 4 + MAX_INPUT
MAX_MESSAGE = 1 << 14


@dataclass
class Result:
    """Counts of one parser, and its failures: what happened, and the file of the input."""

    name: str
    inputs: int = 0
    refused: int = 0
    crashes: int = 0  # and hangs of a library that edgebake calls in a child process only
    failures: list[tuple[str, Path]] = field(default_factory=list)


@dataclass(frozen=True)
class Budget:
    """When to stop: after so many seconds or inputs, whichever comes first."""

    seconds: float
    inputs: int


@dataclass(frozen=True)
class Child:
    """A process that fuzzes, and the memory that it shares with this one."""

    target: Target
    seeds: Sequence[bytes]
    name: str
    shared: mmap.mmap


def fuzz(target: Target, budget: Budget, seed: int, failures: Path) -> Result:
    """Fuzz one parser; the inputs that fail are written to the folder `failures`."""
    result = Result(target.name)
    seeds = target.seeds()
    with tempfile.TemporaryDirectory() as folder:  # imports what the parser needs
        for data in seeds:
            target.parse(data, Path(folder))
    deadline = time.monotonic() + budget.seconds
    run = 0
    while time.monotonic() < deadline and result.inputs < budget.inputs:
        with mmap.mmap(-1, MESSAGE_AT + 4 + MAX_MESSAGE) as shared:
            limit = Budget(deadline - time.monotonic(), budget.inputs - result.inputs)
            child = Child(target, seeds, f"{seed}-{run}", shared)
            _run_child(child, limit, result, failures)
        run += 1
        if len(result.failures) >= MAX_FAILURES:
            break
    return result


def _run_child(child: Child, budget: Budget, result: Result, failures: Path) -> None:
    """Run a child until it is done, fails, hangs or crashes, and add its counts to the result."""
    with tempfile.TemporaryDirectory() as folder:
        process = os.fork()
        if process == 0:
            code = 1
            try:
                _run_inputs(child, budget, Path(folder))
                code = 0
            finally:
                os._exit(code)
        problem = _watch(process, child.shared)
    inputs, refused = COUNTERS.unpack_from(child.shared)
    result.inputs += inputs
    result.refused += refused
    if problem.startswith(("crash", "hang")) and child.target.in_child:
        result.crashes += 1
    elif problem:
        result.failures.append((problem, _save(child, failures)))


def _watch(process: int, shared: mmap.mmap) -> str:
    """Wait for the child; return what went wrong, empty if nothing did."""
    last_inputs = -1
    last_progress = time.monotonic()
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            break
        inputs, _ = COUNTERS.unpack_from(shared)
        if inputs != last_inputs:
            last_inputs = inputs
            last_progress = time.monotonic()
        if time.monotonic() - last_progress > SECONDS_OF_INPUT:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return f"hang: more than {SECONDS_OF_INPUT:g} s"
        time.sleep(POLL_S)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return ""
    if code < 0:
        return f"crash: {signal.Signals(-code).name}"
    return f"exception: {_read(shared, MESSAGE_AT).decode(errors='replace')}"


def _run_inputs(child: Child, budget: Budget, folder: Path) -> None:
    """Parse changed inputs until the budget is spent; an unexpected exception ends the process."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    _limit_memory()
    random = Random(f"{child.target.name} {child.name}")  # noqa: S311
    deadline = time.monotonic() + budget.seconds
    refused = 0
    try:
        for number in range(budget.inputs):
            if time.monotonic() > deadline:
                break
            data = _changed(child, random)
            _write(child.shared, INPUT_AT, data)
            refused += _is_refused(child.target, data, folder)
            COUNTERS.pack_into(child.shared, 0, number + 1, refused)
    except BaseException:
        message = traceback.format_exc()[-MAX_MESSAGE:]
        _write(child.shared, MESSAGE_AT, message.encode(errors="backslashreplace")[:MAX_MESSAGE])
        raise


def _changed(child: Child, random: Random) -> bytes:
    data = child.target.mutate(random.choice(child.seeds), random)
    return data[:MAX_INPUT]


def _is_refused(target: Target, data: bytes, folder: Path) -> bool:
    try:
        target.parse(data, folder)
    except target.refusals as error:
        if len(str(error)) > MAX_MESSAGE:
            raise AssertionError("a message of unbounded length") from error
        return True
    return False


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _save(child: Child, failures: Path) -> Path:
    failures.mkdir(parents=True, exist_ok=True)
    file = failures / f"{child.target.name.replace(' ', '_')}-{child.name}"
    file.write_bytes(_read(child.shared, INPUT_AT))
    return file


def _write(shared: mmap.mmap, position: int, data: bytes) -> None:
    shared[position : position + 4] = struct.pack("<I", len(data))
    shared[position + 4 : position + 4 + len(data)] = data


def _read(shared: mmap.mmap, position: int) -> bytes:
    (length,) = struct.unpack_from("<I", shared, position)
    return bytes(shared[position + 4 : position + 4 + length])
