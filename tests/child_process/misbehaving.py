"""Functions that a child process should not survive, and harmless ones."""

import ctypes
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edgebake.errors import ModelError

MIB = 1024**2


def echo(value: object) -> object:
    return value


def environment() -> dict[str, str]:
    return dict(os.environ)


def process_id() -> int:
    return os.getpid()


def abort() -> None:
    sys.stderr.write("free(): double \x1b[31mfree detected\n")
    sys.stderr.flush()
    os.abort()


def read_address_zero() -> None:
    ctypes.string_at(0)


def throw_bad_alloc() -> None:
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    sys.stderr.flush()
    os.abort()


def allocate() -> None:
    blocks = []
    while True:
        blocks.append(np.empty(64 * MIB, np.uint8))


def sleep() -> None:
    time.sleep(60)


def start_a_sleeper(file: str) -> None:
    """Start a process that would outlive the child."""
    child = os.fork()
    if child:
        Path(file).write_text(str(child))
    time.sleep(60)


def write_a_file(file: str, size: int) -> None:
    Path(file).write_bytes(bytes(size))


def temporary_folder() -> str:
    return tempfile.gettempdir()


def exit_quietly() -> None:
    os._exit(3)


def refuse() -> None:
    raise ModelError("mine.onnx: is \x1b[2Jdamaged; expected a model")


def fail() -> None:
    raise ValueError("no such \x1b[2J tensor\nsecond line")


def return_an_object() -> object:
    return sys


def print_much() -> int:
    os.write(1, b"x" * MIB)
    os.write(2, b"x" * MIB)
    return 1


def answer_garbage() -> None:
    """Write something that is no reply where replies go, as a process taken over could."""
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, bytes(16) + b"\xff" * 64)
        except OSError:
            continue
    time.sleep(60)
