"""Show a running build: a live tree on a terminal, plain lines elsewhere, failures at the end."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from edgebake.child_process.child import signal_name
from edgebake.cli.build_tree import BuildTree
from edgebake.execution import estimate
from edgebake.execution.build_state import OPEN, BuildState, Phase, TaskState
from edgebake.execution.estimate import CanStart, Estimate, Work
from edgebake.execution.events import Event, Failed, Finished, Planned, Restored
from edgebake.execution.task import BUILD_PROCESS, THIS_MACHINE, Outcome
from edgebake.report import durations

REFRESHES = 4  # of the tree, per second
# An estimate of 800 stages takes half a second; it may cost this share of the time.
ESTIMATE_SHARE = 0.05
FAILURE_LINES = 12  # of what a failed stage printed
MOST_NAMES = 3  # of stages that did not run because of one failure; the rest is counted


class BuildStatus:
    """An observer of a build that shows it on a console while the `with` block runs.

    Events may come from several threads.
    """

    def __init__(
        self,
        console: Console,
        last: Mapping[str, float],
        can_start: CanStart | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where to show it, and what an estimate needs.

        Args:
            console: a terminal gets the tree, anything else plain lines.
            last: durations of the tasks of earlier builds, in seconds.
            can_start: the rule by which the pool of the build starts tasks; None: it is not known,
                so that the estimate is the time that any number of workers needs.
            clock: for tests.
        """
        self._console = console
        self._last = dict(last)
        self._can_start = can_start or estimate.always
        self._is_lower_bound = can_start is None
        self._clock = clock
        self._state = BuildState()
        self._lock = threading.Lock()
        self._started = clock()
        self._estimate = Estimate((), ())
        self._estimate_at = 0.0
        self._estimate_cost = 0.0
        self._live: Live | None = None

    def __enter__(self) -> "BuildStatus":
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                get_renderable=self._tree,
                console=self._console,
                refresh_per_second=REFRESHES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        summary = summary_line(self._state)
        if summary:
            self._console.print(summary)

    def __call__(self, event: Event) -> None:
        """Take an event into account, and print a line about a stage that has ended."""
        with self._lock:
            self._started = self._clock() - event.at
            self._state(event)
            if isinstance(event, Planned):
                self._estimate_at = -math.inf  # of other tasks
            elif isinstance(event, Finished):
                self._last[event.task.name] = event.outcome.seconds
        for line in event_lines(event):
            self._console.print(line)

    def print_failures(self) -> None:
        """Print the last lines of every stage that failed; nothing if none did."""
        for state in self._state.in_phase(Phase.failed):
            blocked = list(self._state.blocked_by(state.task.name))
            for line in failure_lines(state, blocked):
                self._console.print(line)

    def _tree(self) -> RenderableType:
        with self._lock:
            state = self._state.copy()
            now = self._clock() - self._started
        if not state.tasks:
            return Text(f"planning, {durations.clock(now)} gone")
        if now - self._estimate_at >= self._estimate_cost / ESTIMATE_SHARE:
            began = self._clock()
            self._estimate = estimate.estimate(
                remaining_work(state, self._last, now), self._can_start
            )
            self._estimate_cost = self._clock() - began
            self._estimate_at = now
        return BuildTree(state, self._last, self._estimate, now, self._is_lower_bound)


def remaining_work(state: BuildState, last: Mapping[str, float], now: float) -> Work:
    """Return the tasks that wait and run, as an estimate takes them."""
    elapsed: dict[str, float] = {}
    for running in state.in_phase(Phase.running):
        elapsed[running.task.name] = now - (running.started_at or 0.0)
    tasks = [waiting.task for waiting in state.in_phase(*OPEN)]
    return Work(tasks, state.upstream, last, elapsed)


def event_lines(event: Event) -> Iterator[str | Text]:
    """Yield the lines about a stage that has ended; none of an unchanged stage."""
    if isinstance(event, Finished):
        yield from _finished_lines(event)
    elif isinstance(event, Restored):
        yield f"{event.task.name}: restored from the run cache"
    elif isinstance(event, Failed):
        yield Text(f"{event.task.name}: {_ending(event.outcome)}", style="red")


def _finished_lines(event: Finished) -> Iterator[str]:
    """Yield what a stage printed, which is a line as a rule, with how long it took."""
    lines = [line for line in event.outcome.output.splitlines() if line.strip()]
    if not lines:
        lines = [f"{event.task.name}: done"]
    *notes, last = lines
    yield from notes
    yield f"{last} ({durations.brief(event.outcome.seconds)}{_place(event.outcome)})"


def summary_line(state: BuildState) -> str:
    """Return how many stages ran, and what became of the others; empty before the plan."""
    if not state.tasks:
        return ""
    parts = []
    for phase, text in (
        (Phase.finished, "ran"),
        (Phase.unchanged, "unchanged"),
        (Phase.restored, "restored from the run cache"),
        (Phase.failed, "failed"),
        (Phase.blocked, "not run, because a stage before them failed"),
        (Phase.running, "stopped"),
        (Phase.waiting, "not started"),
    ):
        count = state.count(phase)
        if count:
            parts.append(f"{count} {text}")
    return f"{len(state.tasks)} stages in {durations.brief(state.at)}: {', '.join(parts)}"


def failure_lines(state: TaskState, blocked: list[str]) -> Iterator[str | Text]:
    """Yield what is known about a failed stage.

    Args:
        state: of the stage.
        blocked: names of the stages that did not run because of it.
    """
    outcome = state.outcome
    if outcome is None:
        return
    yield Text(f"\n{state.task.name} {_ending(outcome)}:", style="red")
    lines = [line for line in outcome.output.splitlines() if line.strip()]
    hidden = len(lines) - FAILURE_LINES
    if hidden > 0:
        yield f"  ... {hidden} lines before these"
    for line in lines[-FAILURE_LINES:]:
        yield f"  {line}"
    if not lines:
        yield "  it printed nothing"
    if blocked:
        yield f"  not run because of it: {_names(blocked)}"


def _ending(outcome: Outcome) -> str:
    """Return how a failed command ended, when and where."""
    ending = f"failed with exit code {outcome.code}"
    if outcome.code < 0:
        ending = f"was ended by {signal_name(-outcome.code)}"
    return f"{ending} after {durations.brief(outcome.seconds)}{_place(outcome)}"


def _place(outcome: Outcome) -> str:
    """Return where a command ran, if it was not on this machine."""
    if outcome.worker in (THIS_MACHINE, BUILD_PROCESS):
        return ""
    return f" on {outcome.worker}"


def _names(names: list[str]) -> str:
    text = ", ".join(names[:MOST_NAMES])
    hidden = len(names) - MOST_NAMES
    if hidden > 0:
        text += f" and {hidden} more"
    return text
