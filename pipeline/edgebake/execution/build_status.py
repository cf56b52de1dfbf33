"""Print a line for each stage of a build as it ends."""

from rich.console import Console

from edgebake.execution import events
from edgebake.execution.events import Event


class BuildStatus:
    """An observer that prints to a console."""

    def __init__(self, console: Console) -> None:
        """Take the console."""
        self._console = console

    def show(self, event: Event) -> None:
        """Print what a stage printed, and what stays undone."""
        if isinstance(event, events.Finished | events.Failed):
            text = event.outcome.output.rstrip("\n")
            if text:
                self._console.print(text, markup=False)
        elif isinstance(event, events.Blocked):
            self._console.print(f"{event.task.name}: not run, {event.by} failed", markup=False)
