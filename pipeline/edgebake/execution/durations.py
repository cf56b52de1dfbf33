"""Keep how long each task took the last time that it ran.

Reads and writes artifacts/.durations.json: seconds by the name of the task, for example
`train@digits-ds_cnn`. The file is a note for estimates: no output depends on it, and DVC does not
track it.
"""

from collections.abc import Iterable

from edgebake import artifacts
from edgebake.documents import json_shape, strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.execution.events import Event, Finished, Planned
from edgebake.terminal.console import write_line
from edgebake.terminal.printable import printable

FILE = artifacts.ROOT / ".durations.json"
ASIDE = FILE.with_name(f"{FILE.name}.unreadable")
MAX_BYTES = 4 << 20  # 40,000 tasks with names of 80 characters
MAX_SECONDS = 1e9  # of one task: 31 years
DIGITS = 3  # of a second


def read() -> dict[str, float]:
    """Return the last duration of each task in seconds, by its name.

    A damaged file is moved to ASIDE, with a line on stderr; then no duration is known.
    """
    try:
        with FILE.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return _parse(data)
    except FileNotFoundError:
        return {}
    except StrictJsonError as error:
        FILE.replace(ASIDE)
        problem = printable(error)
        write_line(f"{FILE}: {problem}; moved to {ASIDE}: no duration is known until tasks run")
        return {}


def record(name: str, seconds: float) -> None:
    """Write the duration of a task that has run to its end.

    Raises:
        HostError: the system refuses to write, for example without free space.
    """
    durations = read()
    durations[name] = round(seconds, DIGITS)
    _write(durations)


def keep_only(names: Iterable[str]) -> None:
    """Remove the durations of tasks that are no longer planned.

    Args:
        names: all tasks of the plan, also those that do not run.

    Raises:
        HostError: the system refuses to write, for example without free space.
    """
    durations = read()
    planned = set(names)
    of_plan = {name: seconds for name, seconds in durations.items() if name in planned}
    if of_plan != durations:
        _write(of_plan)


def observe(event: Event) -> None:
    """Keep the durations of a build: an observer of its events."""
    if isinstance(event, Planned):
        keep_only(task.name for task in event.tasks)
    elif isinstance(event, Finished):
        record(event.task.name, event.outcome.seconds)


def _parse(data: bytes) -> dict[str, float]:
    """Return the durations that a file holds.

    Raises:
        StrictJsonError: it holds something else.
    """
    durations: dict[str, float] = strict_json.parse(data, MAX_BYTES)
    problem = json_shape.problem(durations, dict[str, float])
    if problem is not None:
        raise StrictJsonError(problem)
    for name, seconds in durations.items():
        if not 0 <= seconds <= MAX_SECONDS:
            raise StrictJsonError(
                f"{printable(name)}: {printable(seconds)} seconds; expected 0 to {MAX_SECONDS:.0f}"
            )
    return durations


def _write(durations: dict[str, float]) -> None:
    artifacts.write_json(FILE, dict(sorted(durations.items())))
