"""The stages that do not wait for the warm server need none of its libraries."""

import sys
from pathlib import Path

import pytest

from edgebake.execution import warm_server
from tests import builds

# `onnx` is small: 0.1 s.
SLOW_LIBRARIES = ("tensorflow", "keras", "coremltools", "tf2onnx")
COMMANDS = (("data", "digits"), ("parity",), ("package", "android"), ("proof", "android"))


def test_each_light_stage_is_tried() -> None:
    assert {stage for stage, *_ in COMMANDS} == warm_server.LIGHT_STAGES


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_light_stage_imports_no_slow_library(quick: Path, command: tuple[str, ...]) -> None:
    """Guards the time of a build that changes no model.

    Slow: needs a build.
    """
    done = builds.run(quick, sys.executable, "-X", "importtime", "-m", "edgebake", *command)
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "edgebake.cli.main" in imported
    assert imported.isdisjoint(SLOW_LIBRARIES)
