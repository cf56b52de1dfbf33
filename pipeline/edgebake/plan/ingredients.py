"""Datasets and pretrained weights of others that a target is built from."""

from collections.abc import Iterator

from edgebake.recipe import Attribution, Recipe
from edgebake.recipe.data import ImportedComponent


def imported_components(recipe: Recipe) -> Iterator[ImportedComponent]:
    """Yield the dataset and the pretrained weights of a recipe, with their licenses."""
    attributions: dict[str, Attribution | None] = {
        "data": recipe.data.origin,
        "weights": recipe.model.pretrained,
    }
    for kind, attribution in attributions.items():
        if attribution:
            yield ImportedComponent(**vars(attribution), kind=kind)
