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
        shown = self._shown(max(1, console.height - OTHER_LINES))
        for line in head_lines(self):
            yield Text(line, overflow=overflow, no_wrap=True)
        rows = list(_Forest(self, shown, guides).rows())
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
            grid.add_column(width=BAR_WIDTH if width >= WIDE else BAR_WIDTH // 2)
        if width >= NARROW:
            grid.add_column(overflow=overflow, no_wrap=True)
        times = [self._time(row.state) for row in rows]
        longest = max(len(time) for time in times) if times else 0
        grid.add_column(no_wrap=True, justify="right", min_width=longest)
        for row, time in zip(rows, times, strict=True):
            style = _style(row.state)
            name = Text(row.guide, style="dim")
            name.append(row.state.task.name, style=style)
            cells: list[Text | ProgressBar] = [name]
            if width >= MEDIUM:
                cells.append(_bar(row.state))
            if width >= NARROW:
                cells.append(Text(_count(row.state, width), style=style))
            grid.add_row(*cells, Text(time, style=style))
        return grid

    def _open(self) -> list[TaskState]:
        return self.state.in_phase(Phase.running, Phase.waiting)

    def _shown(self, most_rows: int) -> set[str]:
        """Return the names of the tasks that have a row: running ones, then the next to start."""
        starts = {span.task.name: span.start for span in self.estimate.spans}
        names = [state.task.name for state in self.state.in_phase(Phase.running)]
        waiting = [state.task.name for state in self.state.in_phase(Phase.waiting)]
        names += sorted(waiting, key=lambda name: starts.get(name, 0.0))
        return set(names[:most_rows])

    def _time(self, state: TaskState) -> str:
        """Return how long a task has run, and how long it took the last time."""
        seconds = self.last.get(state.task.name)
        last = UNKNOWN if seconds is None else durations.clock(seconds)
        if state.started_at is None:
            return last
        return f"{durations.clock(self.now - state.started_at)} of {last}"


def head_lines(tree: BuildTree) -> Iterator[str]:
    """Yield how far the build is, and how long it will take."""
    state = tree.state
    parts = [f"{state.count(*DONE)} of {len(state.tasks)} stages done"]
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
    yield f"{durations.clock(tree.now)} gone, {remaining_text(tree.estimate, tree.is_lower_bound)}"


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
    how = "at least" if is_lower_bound else "about"
    return f"{how} {left} left by the last durations"


def _style(state: TaskState) -> str:
    return "bold" if state.phase is Phase.running else "dim"


def _bar(state: TaskState) -> Text | ProgressBar:
    if state.progress is None:
        return Text("")
    return ProgressBar(total=max(state.progress.total, 1), completed=state.progress.completed)


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
    return ", ".join(f"{count} {stage}" for stage, count in counts.items())


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
        ends = {span.task.name: span.end for span in self.tree.estimate.spans}
        for name in self.tree.state.tasks:
            if name not in self.shown:
                continue
            candidates = [up for up in self.tree.state.open_upstream(name) if up in self.shown]
            if candidates:
                parent = max(reversed(candidates), key=lambda up: ends.get(up, 0.0))
                self._children.setdefault(parent, []).append(name)
            else:
                roots.append(name)
        roots.sort(key=lambda name: self.tree.state.tasks[name].phase is not Phase.running)
        for root in roots:
            yield Row("", self.tree.state.tasks[root])
            yield from self._below(root, "")

    def _below(self, parent: str, indent: str) -> Iterator[Row]:
        branch, last_branch, line, blank = self.guides
        children = self._children.get(parent, [])
        for name in children:
            is_last = name == children[-1]
            guide = last_branch if is_last else branch
            yield Row(indent + guide, self.tree.state.tasks[name])
            below = blank if is_last else line
            yield from self._below(name, indent + below)
