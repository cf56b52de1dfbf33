"""Changed inputs of every parser that faces strangers.

Guards that each ends in a result or in a refusal, within 5 s and 2 GiB.
Slow: it spends 1 s on each parser. `python -m tests.fuzz --seconds 600` runs longer.
"""

from pathlib import Path

import pytest

from tests.fuzz import runner
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

SEED = 19
BUDGET = runner.Budget(seconds=1.0, inputs=20_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_changed_input_is_parsed_or_refused(tmp_path: Path, name: str) -> None:
    result = runner.fuzz(TARGETS[name], BUDGET, SEED, tmp_path)
    assert result.failures == []
    assert result.inputs > 0


def parse_badly(data: bytes, folder: Path) -> None:
    """Hang, crash or raise, as the input says."""
    if data.startswith(b"h"):
        while True:
            pass
    if data.startswith(b"c"):
        import ctypes

        ctypes.string_at(0)
    if data.startswith(b"e"):
        raise KeyError("a fault")
    if data.startswith(b"r"):
        raise ValueError("refused")


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"c", "crash: SIGSEGV"), (b"e", "KeyError: 'a fault'"), (b"h", "hang: more than")],
)
def test_a_hang_a_crash_and_an_exception_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, problem: str
) -> None:
    monkeypatch.setattr(runner, "SECONDS_OF_INPUT", 0.5)
    monkeypatch.setattr(runner, "MAX_FAILURES", 1)
    bad = Target("bad", lambda: [b"good"], parse_badly, mutate=lambda _, __: data)
    result = runner.fuzz(bad, runner.Budget(10, 10), 0, tmp_path)
    ((message, file),) = result.failures
    assert problem in message
    assert file.read_bytes() == data


def test_refusals_are_counted(tmp_path: Path) -> None:
    refusing = Target(
        "refusing", lambda: [b"good"], parse_badly, (ValueError,), mutate=lambda _, __: b"r"
    )
    result = runner.fuzz(refusing, runner.Budget(10, 25), 0, tmp_path)
    assert (result.inputs, result.refused, result.failures) == (25, 25, [])


def test_a_crash_of_what_runs_in_a_child_is_contained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contained = Target(
        "contained", lambda: [b"good"], parse_badly, mutate=lambda _, __: b"c", in_child=True
    )
    result = runner.fuzz(contained, runner.Budget(0.5, 10), 0, tmp_path)
    assert result.crashes > 0
    assert result.failures == []
