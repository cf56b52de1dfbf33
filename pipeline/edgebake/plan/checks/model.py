"""Check the options of `model`, and whether its format supports the rest of the recipe."""

import functools
import math
from collections.abc import Iterator
from pathlib import Path

from edgebake import artifacts, plugins
from edgebake.compression.quantization.schemes import AUTO
from edgebake.errors import EdgebakeError, Problem, listed
from edgebake.models import importers
from edgebake.models.inspection import limited, usability
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe import Head, Imported, Recipe
from edgebake.runtimes.interface import runtimes_of, schemes_of
from edgebake.tasks.inputs.image.spec import NAME as IMAGE

FILE_KEY = "model.imported.file"
IMPORT = "import"  # the architecture of an imported model
# TensorFlow takes 2 GiB of addresses and 4 s before it reads anything, on a slow machine more.
LEAST_MEMORY_GIB = 4
LEAST_TIME_S = 60


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the model of a recipe."""
    problems = list(check_alone(recipe))
    yield from problems
    imported = recipe.model.imported
    if imported is None or "model.imported" in dict(problems):
        return
    problems = list(_check_file(imported)) or list(_check_format(recipe, imported))
    yield from problems or _check_content(imported)


def check_alone(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems that the options of `model` have by themselves, with no file read."""
    model = recipe.model
    if model.architecture == IMPORT and model.imported is None:
        yield "model.imported", f"null; expected a mapping for the architecture {IMPORT}"
        return
    if model.architecture != IMPORT and model.imported is not None:
        expected = f"expected null for the architecture {model.architecture}"
        yield "model.imported", f"has options; {expected}"
        return
    yield from _check_architecture(recipe)


def _check_architecture(recipe: Recipe) -> Iterator[Problem]:
    model = recipe.model
    architecture = plugins.load("model.architecture", model.architecture)
    minimum = getattr(architecture, "MINIMUM_RESOLUTION", None)
    if minimum is not None and model.resolution is not None and model.resolution < minimum:
        expected = f"{model.architecture} expects {minimum} or more"
        yield "model.resolution", f"{model.resolution}; {expected}"
    if not 0 < model.width_multiplier <= 4:
        expected = "expected more than 0 and at most 4"
        yield "model.width_multiplier", f"{model.width_multiplier:g}; {expected}"
    # Last, as it reads another group, which an option by itself lacks.
    kinds = getattr(architecture, "KINDS", (IMAGE,))
    kind = recipe.data.input.kind
    if kind not in kinds:
        expected = f"{model.architecture} expects {listed(kinds)}"
        yield "model.architecture", f"the input is of the kind {kind}; {expected}"


def _check_file(imported: Imported) -> Iterator[Problem]:
    path = Path(imported.file)
    try:
        importers.format_of(imported.file)
    except EdgebakeError as error:
        yield FILE_KEY, str(error)
        return
    if path.is_absolute() or ".." in path.parts:
        expected = "expected a path inside the project, for example models/mine.keras"
        yield FILE_KEY, f"{imported.file}; {expected}"
    elif not path.exists() and not path.with_name(f"{path.name}.dvc").exists():
        expected = "expected a model, or `dvc pull` to fetch it"
        yield FILE_KEY, f"{imported.file}: no such file; {expected}"
    if imported.image_width is not None and imported.image_width < 1:
        yield "model.imported.image_width", f"{imported.image_width}; expected 1 or more, or null"
    yield from _check_limits(imported)


def _check_content(imported: Imported) -> Iterator[Problem]:
    """Check what the file states about its model; one that DVC has not fetched says nothing yet."""
    path = Path(imported.file)
    if not path.exists():
        return
    try:
        problem = _refusal(path, imported.allow_code)
    except EdgebakeError as error:
        yield FILE_KEY, str(error)
        return
    if problem is not None:
        yield FILE_KEY, f"{imported.file}: {problem}"


def inspect(path: Path) -> ModelInfo:
    """Return what a model file states; it is read once for all targets while it is the same.

    Raises:
        ModelError: it is damaged, or no model.
    """
    return _inspect(path, artifacts.sums_of(path))


@functools.cache
def _inspect(path: Path, _: str) -> ModelInfo:
    return limited.inspect_file(path)


def _refusal(path: Path, allow_code: bool) -> str | None:
    """Return why a file cannot be imported.

    Raises:
        ModelError: it is damaged, or no model.
    """
    info = inspect(path)
    problem = usability.refusal(info)
    if problem is None and not allow_code:
        return info.code_risk
    return problem


def _check_limits(imported: Imported) -> Iterator[Problem]:
    least_values = {"memory_limit_gib": LEAST_MEMORY_GIB, "time_limit_s": LEAST_TIME_S}
    for name, least in least_values.items():
        value = getattr(imported, name)
        if not least <= value < math.inf:
            yield f"model.imported.{name}", f"{value:g}; expected {least} or more"


def _check_format(recipe: Recipe, imported: Imported) -> Iterator[Problem]:
    """Check that models of this format can be converted, quantized and trained as requested."""
    model_format = importers.format_of(imported.file)
    runtime, scheme = recipe.convert.runtime, recipe.quantize.scheme
    if recipe.model.width_multiplier != 1:
        expected = "expected 1: the file defines its channels"
        yield "model.width_multiplier", f"{recipe.model.width_multiplier:g}; {expected}"
    runtimes = runtimes_of(model_format)
    if runtime not in runtimes:
        problem = f"{imported.file}: {model_format} models cannot become {runtime}"
        yield "convert", f"{problem}; expected one of: {listed(runtimes)}"
        return
    schemes = schemes_of(runtime, model_format)
    if schemes != schemes_of(runtime) and scheme not in (*schemes, AUTO):
        problem = f"{imported.file}: {model_format} models cannot carry {scheme} in {runtime}"
        yield "quantize", f"{problem}; expected one of: {listed(schemes)}"
    if model_format != "keras" or Path(imported.file).suffix.lower() not in importers.SUFFIXES:
        yield from _check_untrainable(recipe, imported)


def _check_untrainable(recipe: Recipe, imported: Imported) -> Iterator[Problem]:
    """Check that nothing trains or prunes a model whose file holds a graph instead of layers."""
    reason = f"{imported.file} holds a finished graph, without trainable layers"
    if recipe.train.epochs:
        yield "train", f"{reason}; expected `override /train: none`, or its .keras or .h5 file"
    if recipe.prune.method != "none":
        expected = "expected `override /prune: none`, or its .keras or .h5 file"
        yield "prune", f"{reason} to prune; {expected}"
    if recipe.quantize.qat is not None:
        yield "quantize.qat", f"{reason}; expected null, or its .keras or .h5 file"
    if imported.head is Head.new:
        yield "model.imported.head", f"new; {reason}; expected keep"
