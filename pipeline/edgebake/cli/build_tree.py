"""Draw the running and waiting stages of a build as a tree, as large as the terminal.

A running stage is a root. A waiting stage hangs below the unfinished stage that it will wait for
the longest; those that start soonest are shown, the others are counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, OverflowMethod, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from edgebake.execution.build_state import BuildState, Phase, TaskState
from edgebake.execution.estimate import Estimate
from edgebake.report import durations
from edgebake.terminal import progress

BAR_WIDTH = 20  # characters
WIDE = 100  # characters from which a row has the note of its count, for example the accuracy
MEDIUM = 80  # characters from which a row has a bar
NARROW = 50  # characters from which a row has a count
OTHER_LINES = 4  # of a terminal: the head, what is not shown, the cursor, and one to spare
UNKNOWN = "?"
DONE = (Phase.finished, Phase.unchanged, Phase.restored)
# Branch to a child, to the last child, below a child, below the last child.
GUIDES = ("├─ ", "└─ ", "│  ", "   ")
ASCII_GUIDES = ("+- ", "+- ", "|  ", "   ")


@dataclass(frozen=True)
class Row:
    """A line of the tree."""

    guide: str
    state: TaskState


@dataclass(frozen=True)
class BuildTree:
    """A build at one moment, to be drawn by rich."""

    state: BuildState
    last: Mapping[str, float]  # last durations in seconds
    estimate: Estimate  # from now on
    now: float  # seconds since the build's start
    is_lower_bound: bool = False  # the estimate

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the head, the tree, and the number of stages that are not shown."""
        guides = GUIDES
        overflow: OverflowMethod = "ellipsis"
        if options.ascii_only:
            guides = ASCII_GUIDES
            overflow = "crop"
        most_rows = console.height - OTHER_LINES
        shown = self._shown(max(1, most_rows))
        for line in head_lines(self):
            yield Text(line, overflow=overflow, no_wrap=True)
        forest = _Forest(self, shown, guides)
        rows = list(forest.rows())
        yield self._grid(rows, options.max_width, overflow)
        hidden = [state for state in self._open() if state.task.name not in shown]
        if hidden:
            text = f"and {_by_stage(hidden)} more"
            yield Text(text, style="dim", overflow=overflow, no_wrap=True)

    def _grid(self, rows: list[Row], width: int, overflow: OverflowMethod) -> Table:
        """Return the rows as a table: name, bar and count as far as they fit, time."""
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(overflow=overflow, no_wrap=True, ratio=1)
        if width >= MEDIUM:
            bar_width = BAR_WIDTH
            if width < WIDE:
                bar_width = BAR_WIDTH // 2
            grid.add_column(width=bar_width)
        if width >= NARROW:
            grid.add_column(overflow=overflow, no_wrap=True)
        times = [self._time(row.state) for row in rows]
        longest = max((len(time) for time in times), default=0)
        grid.add_column(no_wrap=True, justify="right", min_width=longest)
        for row, time in zip(rows, times, strict=True):
            style = _style(row.state)
            name = Text(row.guide, style="dim")
            name.append(row.state.task.name, style=style)
            cells: list[Text | ProgressBar] = [name]
            if width >= MEDIUM:
                bar = _bar(row.state)
                cells.append(bar)
            if width >= NARROW:
                count = _count(row.state, width)
                cells.append(Text(count, style=style))
            cells.append(Text(time, style=style))
            grid.add_row(*cells)
        return grid

    def _open(self) -> list[TaskState]:
        return self.state.in_phase(Phase.running, Phase.waiting)

    def _shown(self, most_rows: int) -> set[str]:
        """Return the names of the tasks that have a row: running ones, then the next to start."""
        starts = {span.task.name: span.start for span in self.estimate.spans}
        running = self.state.in_phase(Phase.running)
        names = [state.task.name for state in running]
        not_started = self.state.in_phase(Phase.waiting)
        waiting = [state.task.name for state in not_started]
        names += sorted(waiting, key=lambda name: starts.get(name, 0.0))
        return set(names[:most_rows])

    def _time(self, state: TaskState) -> str:
        """Return how long a task has run, and how long it took the last time."""
        seconds = self.last.get(state.task.name)
        last = UNKNOWN
        if seconds is not None:
            last = durations.clock(seconds)
        if state.started_at is None:
            return last
        elapsed = durations.clock(self.now - state.started_at)
        return f"{elapsed} of {last}"


def head_lines(tree: BuildTree) -> Iterator[str]:
    """Yield how far the build is, and how long it will take."""
    state = tree.state
    done = state.count(*DONE)
    parts = [f"{done} of {len(state.tasks)} stages done"]
    for phase, text in (
        (Phase.unchanged, "unchanged"),
        (Phase.restored, "from the run cache"),
        (Phase.running, "running"),
        (Phase.waiting, "waiting"),
        (Phase.failed, "failed"),
        (Phase.blocked, "not run"),
    ):
        count = state.count(phase)
        if count:
            parts.append(f"{count} {text}")
    yield ", ".join(parts)
    elapsed = durations.clock(tree.now)
    remaining = remaining_text(tree.estimate, tree.is_lower_bound)
    yield f"{elapsed} gone, {remaining}"


def remaining_text(estimate: Estimate, is_lower_bound: bool = False) -> str:
    """Return how long a build still takes, and what is not known about it."""
    if not estimate.spans:
        return "nothing left to run"
    unknown = len(estimate.unknown)
    known = len(estimate.spans) - unknown
    if not known:
        return "no duration is known yet"
    left = durations.clock(estimate.seconds)
    if unknown:
        return f"at least {left} left; {unknown} of unknown duration"
    how = "about"
    if is_lower_bound:
        how = "at least"
    return f"{how} {left} left by the last durations"


def _style(state: TaskState) -> str:
    if state.phase is Phase.running:
        return "bold"
    return "dim"


def _bar(state: TaskState) -> Text | ProgressBar:
    if state.progress is None:
        return Text("")
    total = max(state.progress.total, 1)
    return ProgressBar(total=total, completed=state.progress.completed)


def _count(state: TaskState, width: int) -> str:
    """Return the count of a task; without a count, what it does."""
    if state.phase is Phase.waiting:
        return "waits"
    if state.progress is None:
        return "runs"
    if width >= WIDE:
        return progress.count_and_note(state.progress)
    return progress.count_text(state.progress)


def _by_stage(states: list[TaskState]) -> str:
    """Return how many tasks there are of each stage: `3 convert, 1 package`."""
    counts = Counter(state.task.stage for state in states)
    parts = [f"{count} {stage}" for stage, count in counts.items()]
    return ", ".join(parts)


@dataclass
class _Forest:
    """The rows of a tree, from its roots to its leaves."""

    tree: BuildTree
    shown: set[str]
    guides: tuple[str, str, str, str]
    _children: dict[str, list[str]] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Yield the row of each shown task, each below its parent."""
        roots: list[str] = []
        tasks = self.tree.state.tasks
        ends = {span.task.name: span.end for span in self.tree.estimate.spans}
        for name in tasks:
            if name not in self.shown:
                continue
            upstream = self.tree.state.open_upstream(name)
            candidates = [up for up in upstream if up in self.shown]
            if candidates:
                parent = max(reversed(candidates), key=lambda up: ends.get(up, 0.0))
                children = self._children.setdefault(parent, [])
                children.append(name)
            else:
                roots.append(name)
        roots.sort(key=lambda name: tasks[name].phase is not Phase.running)
        for root in roots:
            yield Row("", tasks[root])
            yield from self._below(root, "")

    def _below(self, parent: str, indent: str) -> Iterator[Row]:
        branch, last_branch, line, blank = self.guides
        children = self._children.get(parent, [])
        for name in children:
            is_last = name == children[-1]
            guide = branch
            below = line
            if is_last:
                guide = last_branch
                below = blank
            yield Row(indent + guide, self.tree.state.tasks[name])
            yield from self._below(name, indent + below)
