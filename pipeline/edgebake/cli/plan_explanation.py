"""Print which stages the next build runs and why, how long each took, and the expected time."""

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgebake.execution import durations as last_durations
from edgebake.execution import dvc_repo, estimate, explanation
from edgebake.execution.estimate import CanStart, Work
from edgebake.execution.explanation import ALWAYS_RUN, Explanation, Fate
from edgebake.execution.policy import Limits
from edgebake.machine import capacity
from edgebake.plan.compose import compose_release
from edgebake.recipe.stage_params import read_plan
from edgebake.report import durations

UNKNOWN = "?"
NO_TIME = "-"
SHOWN_REASONS = 5  # of one stage
NOTE = "a stage that waits for another is left out if its inputs come out as they were"


def explain_plan(console: Console, jobs: int | None) -> None:
    """Explain what the next build runs, for a plan that is written.

    Args:
        console: to print to.
        jobs: number of stages at a time for the expected time; None: no expected time.

    Raises:
        DvcError: DVC cannot read the project.
    """
    from edgebake.stages import revision

    revision.write()  # as every build does first, so that DVC compares with the present commit
    last = last_durations.read()
    memory = compose_release().memory_gb
    with dvc_repo.opened() as project:
        explanations = explanation.explain(project, read_plan(), memory)
        upstream = {name: node.upstream for name, node in project.nodes.items()}
        count = sum(name not in ALWAYS_RUN for name in project.nodes)
    show(console, explanations, last)
    for line in summary(explanations, count - len(explanations), last):
        console.print(line)
    running = set(running_stages(explanations))
    tasks = [each.task for each in explanations if each.task.name in running]
    if jobs is not None and running.intersection(last):
        limits = Limits(jobs, capacity.available_memory_gb())
        console.print(expected_time(Work(tasks, upstream, last), jobs, limits.allow))


def show(console: Console, explanations: Sequence[Explanation], last: Mapping[str, float]) -> None:
    """Print a row for each stage that is not unchanged; plain lines if piped.

    Args:
        console: to print to.
        explanations: as `explain` returns them.
        last: last durations in seconds, by name of the stage.
    """
    table = Table("stage", "last time", "why", box=box.SIMPLE)
    for each in explanations:
        name = each.task.name
        time = _time(each, last)
        reasons = list(_reasons(each))
        if not console.is_terminal:
            console.print(f"{name} ({time})")
            for reason in reasons:
                console.print(f"  {reason}")
            continue
        style = "dim" if each.fate is not Fate.RUNS else ""
        table.add_row(Text(name, style), Text(time, style), Text("\n".join(reasons), style))
    if console.is_terminal and explanations:
        console.print(table)


def summary(
    explanations: Sequence[Explanation], unchanged: int, last: Mapping[str, float]
) -> Iterator[str]:
    """Yield how many stages run, and how long they took together the last time."""
    running = running_stages(explanations)
    counts = {
        "run": len(running),
        "are restored from the run cache": _count(explanations, Fate.RESTORED),
        "follow a restored one": _count(explanations, Fate.FOLLOWS),
        "are unchanged": unchanged,
    }
    parts = [f"{count} {text}" for text, count in counts.items() if count]
    yield f"stages: {', '.join(parts)}"
    if any(each.after for each in explanations):
        yield NOTE
    known = [last[name] for name in running if name in last]
    if known:
        total = durations.brief(sum(known))
        yield f"one after the other: {_at_least(running, last)}{total} by the last durations"
    elif running:
        yield "no duration is known yet"


def expected_time(work: Work, jobs: int, can_start: CanStart) -> str:
    """Return how long the stages that run take with a number of jobs, as text."""
    seconds = estimate.estimate(work, can_start).seconds
    names = [task.name for task in work.tasks]
    time = f"{_at_least(names, work.seconds)}{durations.brief(seconds)}"
    return f"expected with --jobs {jobs}: {time}, without what DVC itself takes"


def running_stages(explanations: Sequence[Explanation]) -> list[str]:
    """Return the names of the stages that run."""
    return [each.task.name for each in explanations if each.fate is Fate.RUNS]


def _count(explanations: Sequence[Explanation], fate: Fate) -> int:
    return sum(each.fate is fate for each in explanations)


def _at_least(names: Sequence[str], last: Mapping[str, float]) -> str:
    """Return what stands before a sum of durations, of which some may be unknown."""
    unknown = sum(name not in last for name in names)
    if not unknown:
        return ""
    return f"at least ({unknown} of unknown duration) "


def _time(explained: Explanation, last: Mapping[str, float]) -> str:
    if explained.fate is Fate.RESTORED:
        return NO_TIME
    seconds = last.get(explained.task.name)
    if seconds is None:
        return UNKNOWN
    return durations.brief(seconds)


def _reasons(explained: Explanation) -> Iterator[str]:
    yield from explained.reasons[:SHOWN_REASONS]
    hidden = len(explained.reasons) - SHOWN_REASONS
    if hidden > 0:
        yield f"and {hidden} more reasons"
    if explained.after:
        first = explained.after[0]
        others = len(explained.after) - 1
        more = f" and {others} more" if others else ""
        yield f"after {first}{more}"
    if explained.fate is Fate.RESTORED:
        yield "restored from the run cache"
