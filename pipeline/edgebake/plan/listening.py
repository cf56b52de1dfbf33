"""Parameters by which the false alarms of a target are counted."""

from edgebake.recipe import Listening, Recipe


def of(recipe: Recipe) -> Listening | None:
    """Return how an app of the recipe listens to a stream; None if no gate asks for alarms."""
    gate = recipe.validate.budget.false_alarms_per_hour
    smooth = recipe.package.smooth
    if gate is None or smooth is None:  # the checks refuse a gate without smoothing
        return None
    return Listening(gate.labels, recipe.package.threshold, smooth.over, smooth.hold)
