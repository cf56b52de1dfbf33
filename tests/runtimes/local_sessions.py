"""Sessions of this process, for tests that replace parts of a runtime, which no child would see."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.runtimes import session
from edgebake.runtimes.session import Examples
from edgebake.runtimes.session_process import SessionFile, SessionProcess


def run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages run files in this process."""
    monkeypatch.setattr(SessionProcess, "predictions", _predictions)


def _predictions(
    _: SessionProcess, file: SessionFile, examples: Examples
) -> dict[str, NDArray[np.float32]]:
    return session.predictions(file.load(*file.arguments), examples)
