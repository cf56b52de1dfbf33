"""Reasons to skip a test on an operating system. On CI every other skip is a failure."""

from typing import NoReturn

import pytest

REASON = "another operating system: "  # what the reason of every such skip begins with


def skip(reason: str) -> NoReturn:
    """Skip the running test, which this operating system has not got the means for."""
    pytest.skip(REASON + reason)
