"""Datasets and pretrained weights of others that a target is built from."""

from collections.abc import Iterator

from edgebake import plugins
from edgebake.recipe import Attribution, Recipe
from edgebake.recipe.data import ImportedComponent


def imported_components(recipe: Recipe) -> Iterator[ImportedComponent]:
    """Yield the dataset and the pretrained weights of a recipe, with their licenses.

    A data source that runs the work of others names it in INGREDIENTS.
    """
    attributions: dict[str, Attribution | None] = {
        "data": recipe.data.origin,
        "weights": recipe.model.pretrained,
    }
    for kind, attribution in attributions.items():
        if attribution:
            yield ImportedComponent(**vars(attribution), kind=kind)
    source = plugins.load("data.source", recipe.data.source)
    yield from getattr(source, "INGREDIENTS", ())
