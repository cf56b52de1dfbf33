"""Check the kind of the input against its options, the data source and training; and the task."""

from collections.abc import Iterator

from edgebake import plugins
from edgebake.errors import Problem
from edgebake.recipe import Data, Recipe, plugin_options
from edgebake.tasks.inputs.image.spec import NAME as IMAGE
from edgebake.tasks.inputs.interface import NoOptions, load_input
from edgebake.tasks.task import load_task

# Options of `data` that say nothing of other inputs than images.
IMAGE_OPTIONS = ("color", "crop", "resize", "short_side", "mean", "scale")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the kind of the input, its options first.

    Raises:
        RecipeError: the kind or the task is no plugin, or lacks a member.
    """
    load_task(recipe.task.output)
    problems = list(check_alone(recipe.data))
    yield from problems
    if problems:
        return
    kind = load_input(recipe.data.input.kind)
    yield from kind.check(recipe)
    if recipe.data.input.kind != IMAGE:
        yield from _check_image_options(recipe)
    if not kind.augments_pixels:
        yield from _check_augment(recipe)


def check_alone(data: Data) -> Iterator[Problem]:
    """Yield the problems that the options of the kind and of the source have by themselves."""
    kind = load_input(data.input.kind)
    yield from plugin_options.problems(data.input.options, kind.options, "data.input.options")
    source = plugins.load("data.source", data.source)
    of_source = getattr(source, "KIND", IMAGE)
    if of_source not in (data.input.kind, None):
        problem = f"{data.input.kind}; {data.source} yields {of_source}"
        yield "data.input.kind", f"{problem}, expected that"
    options = getattr(source, "Options", NoOptions)
    yield from plugin_options.problems(data.source_options, options, "data.source_options")


def _check_image_options(recipe: Recipe) -> Iterator[Problem]:
    """Check that no option of images is set for another input."""
    kind = recipe.data.input.kind
    for key in IMAGE_OPTIONS:
        if getattr(recipe.data, key) is not None:
            yield f"data.{key}", f"has a value; expected null: the input is {kind}, no image"
    resolution = recipe.model.resolution
    if resolution is not None:
        problem = f"{resolution}; expected null"
        yield "model.resolution", f"{problem}: the input is {kind}, no image"


def _check_augment(recipe: Recipe) -> Iterator[Problem]:
    """Check that no augmentation is set, all of which change pixels."""
    for key, options in (("train", recipe.train), ("prune.fine_tune", recipe.prune.fine_tune)):
        if options is not None and options.augment is not None:
            reason = f"it changes images, and the input is of the kind {recipe.data.input.kind}"
            yield f"{key}.augment", f"has options; expected null: {reason}"
