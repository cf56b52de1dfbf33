"""Check the candidates of a target."""

from collections.abc import Iterator

from edgebake.errors import Problem, listed
from edgebake.recipe import Preference, Recipe
from edgebake.runtimes.run_modes import HOST


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the candidates of a recipe."""
    candidates = recipe.candidates
    if candidates is None:
        return
    options = candidates.quantize
    if len(options) < 2:
        yield "candidates.quantize", f"{listed(options)}; expected two options or more"
    for name in sorted(set(options)):
        count = options.count(name)
        if count > 1:
            yield "candidates.quantize", f"{name} is named {count} times; expected once"
    if candidates.ships is Preference.latency and recipe.validate.where == HOST:
        expected = "expected `validate.where` to be the device, or order or size"
        yield (
            "candidates.ships",
            f"latency, which is measured on the machine that builds; {expected}",
        )
