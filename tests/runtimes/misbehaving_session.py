"""Sessions of both runtimes that turn against the process which runs them, as native code can."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.session import Session
from edgebake.runtimes.session_process import load_session_of
from edgebake.tasks.tensors import Feeds
from tests.child_process import misbehaving
from tests.handmade import softmax_onnx, softmax_tflite

FILES = {
    "litert": {"model.tflite": softmax_tflite()},
    "onnxruntime": {"model.onnx": softmax_onnx()},
}
DEEDS = {
    "abort": misbehaving.abort,
    "read_address_zero": misbehaving.read_address_zero,
    "allocate": misbehaving.allocate,
    "sleep": misbehaving.sleep,
    "fail": misbehaving.fail,
}


class MisbehavingSession:
    """A session of a runtime that misbehaves in its third run."""

    def __init__(self, session: Session, deed: str) -> None:
        self._session = session
        self._deed = deed
        self._runs = 0

    def feed(self, example: Feeds) -> None:
        self._session.feed(example)

    def invoke(self) -> None:
        self._session.invoke()
        self._runs += 1
        if self._runs < 3:
            return
        if self._deed.startswith("/"):
            misbehaving.write_a_file(self._deed, 2 * misbehaving.MIB)
        else:
            DEEDS[self._deed]()

    def read(self) -> dict[str, NDArray[np.float32]]:
        return self._session.read()


def load(runtime: str, deed: str | Path) -> Session:
    session = load_session_of(runtime, FILES[runtime], 1, "")
    return MisbehavingSession(session, str(deed))
