"""What must hold between the words of `model` and what is to become of it: a part of plan/checks/recipe.py."""

from collections.abc import Iterator
from pathlib import Path

from edgebake import plugins
from edgebake.compression.quantization.schemes import AUTO
from edgebake.errors import EdgebakeError, listed
from edgebake.models import importers
from edgebake.recipe import Head, Imported, Recipe
from edgebake.runtimes.interface import runtimes_of, schemes_of

Problem = tuple[str, str]

IMPORT = "import"  # the architecture of a model that somebody trained


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the model that a recipe names."""
    words = recipe.model
    if (words.architecture == IMPORT) != (words.imported is not None):
        expected = "its words" if words.architecture == IMPORT else "null"
        yield "model.imported", f"expected {expected} for the architecture {words.architecture}"
        return
    yield from _model_fits_its_architecture(recipe)
    if words.imported is not None:
        problems = list(_file_can_be_read(words.imported))
        yield from problems or _file_can_become_that(recipe, words.imported)


def _model_fits_its_architecture(recipe: Recipe) -> Iterator[Problem]:
    words = recipe.model
    minimum = plugins.load("model.architecture", words.architecture).MINIMUM_RESOLUTION
    if words.resolution < minimum:
        yield (
            "model.resolution",
            f"{words.resolution}; {words.architecture} expects {minimum} or more",
        )
    if not 0 < words.width_multiplier <= 4:
        yield (
            "model.width_multiplier",
            f"{words.width_multiplier:g}; expected more than 0 and at most 4",
        )


def _file_can_be_read(words: Imported) -> Iterator[Problem]:
    path = Path(words.file)
    try:
        importers.format_of(words.file)
    except EdgebakeError as error:
        yield "model.imported.file", str(error)
        return
    if path.is_absolute() or ".." in path.parts:
        yield (
            "model.imported.file",
            f"{words.file}; expected a path inside the project, for example models/mine.keras",
        )
    elif not path.exists() and not path.with_name(f"{path.name}.dvc").exists():
        yield (
            "model.imported.file",
            f"{words.file}: no such file; expected a model, or `dvc pull` to fetch it",
        )
    if words.image_width is not None and words.image_width < 1:
        yield "model.imported.image_width", f"{words.image_width}; expected 1 or more, or null"


def _file_can_become_that(recipe: Recipe, words: Imported) -> Iterator[Problem]:
    form = importers.format_of(words.file)
    runtime, scheme = recipe.convert.runtime, recipe.quantize.scheme
    runtimes = runtimes_of(form)
    if recipe.model.width_multiplier != 1:
        yield (
            "model.width_multiplier",
            f"{recipe.model.width_multiplier:g}; expected 1: the file has the channels that it has",
        )
    if runtime not in runtimes:
        yield (
            "convert",
            f"{words.file}: {form} models cannot become {runtime}; expected one of: {listed(runtimes)}",
        )
        return
    schemes = schemes_of(runtime, form)
    if schemes != schemes_of(runtime) and scheme not in (*schemes, AUTO):
        expected = f"expected one of: {listed(schemes)}"
        yield (
            "quantize",
            f"{words.file}: {form} models cannot carry {scheme} in {runtime}; {expected}",
        )
    if form != "keras" or Path(words.file).suffix.lower() not in importers.SUFFIXES:
        yield from _nothing_is_learned(recipe, words)


def _nothing_is_learned(recipe: Recipe, words: Imported) -> Iterator[Problem]:
    """Hold what only Keras' layers can do against a model whose layers nobody knows."""
    why = f"{words.file} holds a finished graph, and no layers that could learn"
    if recipe.train.epochs:
        yield "train", f"{why}; expected `override /train: none`, or its .keras or .h5 file"
    if recipe.prune.method != "none":
        yield (
            "prune",
            f"{why} or be cut; expected `override /prune: none`, or its .keras or .h5 file",
        )
    if recipe.quantize.qat is not None:
        yield "quantize.qat", f"{why}; expected null, or its .keras or .h5 file"
    if words.head is Head.new:
        yield "model.imported.head", f"new; {why}; expected keep"
