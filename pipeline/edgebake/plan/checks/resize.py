"""Check the options of `data` that say how an image is brought to the model's resolution."""

from collections.abc import Iterator

from edgebake.errors import Problem
from edgebake.recipe import Crop, Data, Recipe

SHORT_SIDE = "data.short_side"
MAX_SIDE = 16384  # pixels, as in the schema of manifests


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the resize of a recipe with its model and its runtime."""
    short_side = recipe.data.short_side
    if short_side is None:
        return
    resolution = recipe.model.resolution
    imported = recipe.model.imported
    if imported is not None and imported.image_width is not None:
        resolution = max(resolution, imported.image_width)
    if short_side < resolution:
        yield SHORT_SIDE, f"{short_side}; expected the model's {resolution} pixels or more"
    options = recipe.convert.coreml
    if options is not None and (options.resolutions or options.resolution_range is not None):
        reason = "the crop has one size"
        yield SHORT_SIDE, f"has a value; expected null for a model of several sizes: {reason}"


def check_alone(data: Data) -> Iterator[Problem]:
    """Yield the problems that the options have by themselves."""
    if data.short_side is None:
        return
    if not 1 <= data.short_side <= MAX_SIDE:
        yield SHORT_SIDE, f"{data.short_side}; expected 1 to {MAX_SIDE:,} pixels, or null"
    if data.crop is not Crop.center:
        yield "data.crop", f"{data.crop.value}; expected center where data.short_side has a value"
