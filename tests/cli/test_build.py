"""`edgebake build`: what it prints in which order, and the chart that it writes."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from rich.console import Console

from edgebake.cli import build, table
from edgebake.errors import EdgebakeError, GateError, HostError
from edgebake.execution import local
from edgebake.execution.events import Event, Failed, Observer, Unchanged
from edgebake.execution.local import BuildOptions
from edgebake.terminal.console import Terminal
from tests.cli.scripted_build import PLANNED, outcome, task

GOOD: list[Event] = [PLANNED, Unchanged(task("plan"), 1.0)]
BAD: list[Event] = [*GOOD, Failed(task("data@digits"), outcome(2.0, "no disk\n", code=1), 3.0)]
TABLE = "the table of results\n"

Build = Callable[..., int]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Replace a build by its events, which a test may change."""
    monkeypatch.chdir(tmp_path)
    told = list(GOOD)

    def build_nothing(_: Console, __: BuildOptions, observers: Iterable[Observer]) -> int:
        for event in told:
            for observer in observers:
                observer(event)
        return int(any(isinstance(event, Failed) for event in told))

    monkeypatch.setattr(local, "build", build_nothing)
    monkeypatch.setattr(table, "show", lambda console: console.print(TABLE, end=""))
    return told


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    assert build.VERB.add_options is not None
    build.VERB.add_options(parser)
    return build.VERB.run(parser.parse_args(arguments), Terminal())


def test_the_table_follows_the_stages(
    events: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run() == 0
    assert capsys.readouterr().out == f"8 stages in 1.0 s: 1 unchanged, 7 not started\n{TABLE}"


def test_the_last_lines_of_a_failed_stage_are_below_the_table(
    events: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    events[:] = BAD
    assert _run() == 1
    assert capsys.readouterr().out == (
        "data@digits: failed with exit code 1 after 2.0 s\n"
        "8 stages in 3.0 s: 1 unchanged, 1 failed, 6 not started\n"
        f"{build.FAILED}\n{TABLE}"
        "\ndata@digits failed with exit code 1 after 2.0 s:\n  no disk\n"
    )


def test_the_last_lines_are_there_when_the_build_ends_in_an_error(
    events: list[Event], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events[:] = BAD
    tell = local.build

    def refuse(console: Console, options: BuildOptions, observers: Iterable[Observer]) -> int:
        tell(console, options, observers)
        raise GateError("no candidate left")

    monkeypatch.setattr(local, "build", refuse)
    with pytest.raises(GateError, match="no candidate left"):
        _run()
    assert capsys.readouterr().out.endswith("\n  no disk\n")


def test_a_chart_is_written_of_a_build_that_failed_too(events: list[Event]) -> None:
    events[:] = BAD
    assert _run("--timeline", "schedule.svg") == 1
    assert "data@digits, failed" in Path("schedule.svg").read_text()


def test_a_chart_that_cannot_be_written_is_refused_before_the_build(
    events: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(HostError, match=r"^--timeline: schedule: unknown suffix ''; expected "):
        _run("--timeline", "schedule")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", [("--audit", "2"), ("--insecure",)])
def test_options_of_a_cluster_are_refused_without_one(
    events: list[Event], option: tuple[str, ...]
) -> None:
    with pytest.raises(EdgebakeError) as refusal:
        _run(*option)
    assert str(refusal.value) == (
        "--audit and --insecure: without --cluster; expected them with it"
    )
