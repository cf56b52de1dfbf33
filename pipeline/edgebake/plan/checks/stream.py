"""Check the options of apps that listen to a stream."""

from collections.abc import Iterator

from edgebake.errors import Problem
from edgebake.recipe import Recipe, field_types
from edgebake.tasks.inputs.interface import load_input

SMOOTH = "package.smooth"
GATE = "validate.budget.false_alarms_per_hour"
HOP = "hop"  # option of a kind of input of which apps take one clip after another
MOST_CLIPS = 1000


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of smoothing, and of the gate on false alarms."""
    yield from check_alone(recipe)
    smooth = recipe.package.smooth
    gate = recipe.validate.budget.false_alarms_per_hour
    if smooth is None:
        if gate is not None:
            yield SMOOTH, f"null; expected over and hold, with which {GATE} is measured"
        return
    if gate is not None and not gate.labels:
        yield f"{GATE}.labels", "none; expected labels of examples with nothing to hear"
    kind = recipe.data.input.kind
    if HOP not in field_types.keys_of(load_input(kind).options):
        yield SMOOTH, f"has values; expected null: an input of the kind {kind} is no stream"


def check_alone(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems that the options of smoothing have by themselves."""
    smooth = recipe.package.smooth
    if smooth is None:
        return
    for name, value in vars(smooth).items():
        if not 1 <= value <= MOST_CLIPS:
            yield f"{SMOOTH}.{name}", f"{value:,}; expected 1 to {MOST_CLIPS:,} clips"
