"""Check the options of apps that listen to a stream."""

from collections.abc import Iterator

from edgebake.errors import Problem, RecipeError
from edgebake.evaluation import streams
from edgebake.recipe import Recipe, field_types
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.options import ContractOptions

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
        return
    yield from _check_steps(recipe)


def _check_steps(recipe: Recipe) -> Iterator[Problem]:
    """Check that the steps of the kind say how long a clip is, and how fast samples come."""
    kind = recipe.data.input.kind
    options = ContractOptions(recipe.data, recipe.model, recipe.task)
    try:
        spec = load_input(kind).contract_input(options)
    except RecipeError:  # options that the check of the input reports
        return
    if not streams.can_be_heard(spec):
        yield (
            SMOOTH,
            f"has values; expected null, or that the steps of the kind {kind} begin with one that "
            f"has {' or '.join(streams.RATE_KEYS)}, and have one clip with samples and hop",
        )


def check_alone(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems that the options of smoothing have by themselves."""
    smooth = recipe.package.smooth
    if smooth is None:
        return
    for name, value in vars(smooth).items():
        if not 1 <= value <= MOST_CLIPS:
            yield f"{SMOOTH}.{name}", f"{value:,}; expected 1 to {MOST_CLIPS:,} clips"
