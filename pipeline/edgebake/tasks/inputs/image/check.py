"""Check the options that apply to images: of `data`, `model` and `train`."""

from collections.abc import Iterator

from edgebake.errors import Problem
from edgebake.recipe import Color, Crop, Data, Recipe

REQUIRED = ("color", "crop", "resize", "mean", "scale")
SHORT_SIDE = "data.short_side"
MAX_SIDE = 16384  # pixels, as in the schema of manifests
# Numbers of `augment` that apply to color images only.
OF_COLOR = ("saturation", "hue")


def check_data(data: Data) -> Iterator[Problem]:
    """Yield the problems that the options of `data` have by themselves."""
    missing = [name for name in REQUIRED if getattr(data, name) is None]
    for name in missing:
        yield f"data.{name}", "no value; expected one: the input is an image"
    if not missing:
        yield from _check_normalization(data)
        yield from _check_short_side(data)


def check_recipe(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems of the options with those of other groups."""
    yield from _check_size(recipe)
    yield from _check_augment(recipe)


def _check_normalization(data: Data) -> Iterator[Problem]:
    if data.color is Color.grayscale:
        allowed = [1]
        expected = f"1, as {data.color.value} has one channel"
    else:
        allowed = [1, 3]
        expected = f"1, or 3, one for each channel of {data.image_color.value}"
    for name in ("mean", "scale"):
        count = len(getattr(data, name))
        if count not in allowed:
            yield f"data.{name}", f"{count} numbers; expected {expected}"
    for scale in data.scale or ():
        if scale <= 0:
            yield "data.scale", f"{scale:g}; expected more than 0"


def _check_short_side(data: Data) -> Iterator[Problem]:
    if data.short_side is None:
        return
    if not 1 <= data.short_side <= MAX_SIDE:
        yield SHORT_SIDE, f"{data.short_side}; expected 1 to {MAX_SIDE:,} pixels, or null"
    if data.crop is Crop.none:
        yield "data.crop", f"{data.crop.value}; expected center where data.short_side has a value"


def _check_size(recipe: Recipe) -> Iterator[Problem]:
    """Check the size of the model's input."""
    resolution = recipe.model.resolution
    if resolution is None:
        yield "model.resolution", "null; expected pixels per side: the input is an image"
        return
    short_side = recipe.data.short_side
    if short_side is None:
        return
    imported = recipe.model.imported
    if imported is not None and imported.image_width is not None:
        resolution = max(resolution, imported.image_width)
    if short_side < resolution:
        yield SHORT_SIDE, f"{short_side}; expected the model's {resolution} pixels or more"
    options = recipe.convert.coreml
    if options is not None and (options.resolutions or options.resolution_range is not None):
        reason = "the crop has one size"
        yield SHORT_SIDE, f"has a value; expected null for a model of several sizes: {reason}"


def _check_augment(recipe: Recipe) -> Iterator[Problem]:
    """Check that no option of color images is set for grayscale ones."""
    for key, options in (("train", recipe.train), ("prune.fine_tune", recipe.prune.fine_tune)):
        if options is None or options.augment is None:
            continue
        for name in OF_COLOR:
            value = getattr(options.augment, name)
            if value is not None and recipe.data.color is Color.grayscale:
                yield f"{key}.augment.{name}", f"{value:g}; expected null for grayscale images"
