"""Tests that need Apple's own runtime are skipped where it does not exist, and say so."""

import sys

import pytest

from tests import other_system


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = (
        other_system.REASON + "Core ML's own runtime is a part of macOS; this is " + sys.platform
    )
    for item in items:
        if item.get_closest_marker("mac") and sys.platform != "darwin":
            item.add_marker(pytest.mark.skip(reason=reason))
