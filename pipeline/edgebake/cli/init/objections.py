"""Say what `edgebake check` will refuse of the recipes that were written, as far as it is known.

The recipes stand: a policy can be edited, and more images can be added.
"""

from collections.abc import Iterator
from typing import Any, TypedDict

from omegaconf import MISSING

from edgebake.bundle import license_policy
from edgebake.bundle.components import Component
from edgebake.cli.init.release_texts import FILE
from edgebake.documents import json_shape
from edgebake.errors import LicenseError
from edgebake.plan import ingredients
from edgebake.plan.checks import classes
from edgebake.recipe import Licenses, Recipe, files

UNSAID = "unsaid"  # in place of a value that is still to be filled in


class Policy(TypedDict):
    """The mapping `licenses` of recipes/release.yaml."""

    allow: list[str]
    review: list[str]
    deny: list[str]


class ReleasePolicy(TypedDict):
    """The part of recipes/release.yaml that this module reads."""

    licenses: Policy


def objections(recipe: Recipe) -> list[str]:
    """Return a line for each license and each class that `edgebake check` will refuse.

    Args:
        recipe: the new target's, UNSAID where a value is still to be filled in.
    """
    problems = [*_license_problems(recipe)]
    problem = classes.find_problem(recipe.data)
    if problem:
        problems.append(problem)
    return [f"`edgebake check` will refuse: {problem}" for problem in problems]


def _license_problems(recipe: Recipe) -> Iterator[str]:
    release = files.read(FILE)
    if json_shape.problem(release, ReleasePolicy) is not None:
        return  # composing the release refuses it
    policy = Licenses(**release["licenses"])
    for component in _components(recipe, release):
        if component.license in (UNSAID, MISSING):
            continue
        try:
            license_policy.apply_policy([component], policy)
        except LicenseError as error:
            yield str(error)


def _components(recipe: Recipe, release: dict[str, Any]) -> Iterator[Component]:
    """Yield the release, its data and its weights."""
    yield Component("model", str(release.get("name")), str(release.get("license")), str(FILE))
    for imported in ingredients.imported_components(recipe):
        yield Component(imported.kind, imported.name, imported.license, imported.source)
