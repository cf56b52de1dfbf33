"""What `edgebake plan --explain` prints: rows, counts, the sum and the expected time, by hand."""

import io

import pytest
from rich.console import Console

from edgebake.cli import plan_explanation
from edgebake.cli.main import main
from edgebake.execution.estimate import Work
from edgebake.execution.explanation import Explanation, Fate
from edgebake.execution.policy import Limits
from edgebake.execution.task import Task
from edgebake.terminal.console import Terminal

LAST = {"quantize@a": 6.0, "quantize@b": 4.0, "validate@a": 3.0, "data@digits": 80.0}


def _explained(name: str, fate: Fate, *reasons: str, after: tuple[str, ...] = ()) -> Explanation:
    stage, _, variant = name.partition("@")
    task = Task(name, stage, variant, (stage, variant), quiet=stage == "validate")
    return Explanation(task, fate, reasons, after)


EXPLANATIONS = [
    _explained("data@digits", Fate.RESTORED, "raw.txt: modified"),
    _explained("quantize@a", Fate.RUNS, "quantize.a.samples: 100 -> 150"),
    _explained("quantize@b", Fate.RUNS, "tool numpy: 2.3.5 -> 2.4.0"),
    _explained("validate@a", Fate.RUNS, after=("quantize@a", "data@digits")),
    _explained("proof@linux", Fate.RUNS, *[f"reason {number}" for number in range(7)]),
]
LINES = """\
data@digits (-)
  raw.txt: modified
  restored from the run cache
quantize@a (6.0 s)
  quantize.a.samples: 100 -> 150
quantize@b (4.0 s)
  tool numpy: 2.3.5 -> 2.4.0
validate@a (3.0 s)
  after quantize@a and 1 more
proof@linux (?)
  reason 0
  reason 1
  reason 2
  reason 3
  reason 4
  and 2 more reasons
"""


def _shown(is_terminal: bool) -> str:
    file = io.StringIO()
    console: Console = Terminal(file=file, force_terminal=is_terminal, width=80, color_system=None)
    plan_explanation.show(console, EXPLANATIONS, LAST)
    return file.getvalue()


def test_plain_lines_are_printed_to_a_pipe() -> None:
    assert _shown(is_terminal=False) == LINES


def test_a_table_is_drawn_on_a_terminal() -> None:
    rows = [line.split() for line in _shown(is_terminal=True).splitlines() if line.strip()]
    assert rows[0] == ["stage", "last", "time", "why"]
    assert ["quantize@a", "6.0", "s", "quantize.a.samples:", "100", "->", "150"] in rows
    assert ["proof@linux", "?", "reason", "0"] in rows


def test_the_sum_counts_the_stages_that_run() -> None:
    assert list(plan_explanation.summary(EXPLANATIONS, 31, LAST)) == [
        "stages: 4 run, 1 are restored from the run cache, 31 are unchanged",
        plan_explanation.NOTE,
        "one after the other: at least (1 of unknown duration) 13 s by the last durations",
    ]


def test_no_sum_is_printed_without_durations() -> None:
    assert list(plan_explanation.summary(EXPLANATIONS[1:3], 0, {})) == [
        "stages: 2 run",
        "no duration is known yet",
    ]
    assert list(plan_explanation.summary([], 5, LAST)) == ["stages: 5 are unchanged"]


@pytest.mark.parametrize(("jobs", "seconds"), [(1, "13 s"), (2, "9.0 s")])
def test_the_expected_time_is_that_of_the_scheduler(jobs: int, seconds: str) -> None:
    """With two at a time, the two of `quantize` take 6 s; `validate` is quiet, and runs alone."""
    tasks = [each.task for each in EXPLANATIONS[1:4]]
    work = Work(tasks, {"validate@a": ("quantize@a", "data@digits")}, LAST)
    text = plan_explanation.expected_time(work, jobs, Limits(jobs, memory_gb=16).allow)
    assert text == f"expected with --jobs {jobs}: {seconds}, without what DVC itself takes"


@pytest.mark.usefixtures("project")
def test_jobs_are_refused_without_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--jobs", "2"]) == 1
    expected = "edgebake: --jobs: without --explain; expected it with that option\n"
    assert capsys.readouterr().err == expected
