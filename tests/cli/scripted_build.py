"""A build of eight stages as its events, for tests of what shows it."""

from edgebake.execution.events import Event, Planned
from edgebake.execution.task import THIS_MACHINE, Outcome, Task

NAMES = (
    "plan",
    "data@digits",
    "train@ds_cnn",
    "train@mobilenet",
    "quantize@ds_cnn-int8",
    "convert@ds_cnn-int8-litert",
    "validate@ds_cnn-int8-litert-host",
    "package@android",
)
UPSTREAM = {
    "data@digits": ("plan",),
    "train@ds_cnn": ("data@digits",),
    "train@mobilenet": ("data@digits",),
    "quantize@ds_cnn-int8": ("train@ds_cnn",),
    "convert@ds_cnn-int8-litert": ("quantize@ds_cnn-int8",),
    "validate@ds_cnn-int8-litert-host": ("convert@ds_cnn-int8-litert", "train@ds_cnn"),
    "package@android": ("validate@ds_cnn-int8-litert-host", "train@mobilenet"),
}
LAST = {
    "plan": 1.0,
    "data@digits": 2.0,
    "train@ds_cnn": 43.2,
    "quantize@ds_cnn-int8": 10.0,
    "convert@ds_cnn-int8-litert": 12.0,
    "validate@ds_cnn-int8-litert-host": 5.0,
    "package@android": 4.0,
}


def task(name: str) -> Task:
    """Return the task of a name."""
    stage, _, variant = name.partition("@")
    return Task(name=name, stage=stage, variant=variant, command=(stage, variant))


PLANNED: Event = Planned(tuple(task(name) for name in NAMES), UPSTREAM, 0.0)


def outcome(seconds: float, output: str = "", code: int = 0) -> Outcome:
    """Return how a command ended."""
    return Outcome(code, seconds, output, THIS_MACHINE)
