"""What must hold between the words of a recipe, checked before any work starts.

A rule takes a recipe and yields (key, what is wrong and what was expected). Each rule checks one thing.
"""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline import plugins, prune_rules, quantize_rules, validate_rules
from pipeline.errors import EdgebakeError, listed
from pipeline.recipe import Recipe
from pipeline.runtimes.coreml import rules as coreml
from pipeline.splits import split_sizes

Problem = tuple[str, str]

SEEDS = ("data.seed", "train.seed", "prune.fine_tune.seed", "quantize.calibration.seed", "quantize.training.seed")


def check(recipe: Recipe) -> list[Problem]:
    """Return every problem of a recipe whose types are already right; an empty list is a sound recipe."""
    plugin_problems = list(_names_a_module(recipe))
    return plugin_problems or [problem for rule in RULES for problem in rule(recipe)]


def version_problem(version: str) -> str | None:
    """Return what is wrong with a release's version, if anything (https://semver.org, clause 2)."""
    if re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", version):
        return None
    return f"{version!r}; expected MAJOR.MINOR.PATCH, 1.4.0 for one"


def _names_a_module(recipe: Recipe) -> Iterator[Problem]:
    for key in plugins.FOLDERS:
        name = _at(recipe, key)
        try:
            if name is not None:
                plugins.refuse_unknown(key, name)
        except EdgebakeError as error:
            yield key, str(error).removeprefix(f"{key}: ")


def _at(recipe: Recipe, key: str) -> Any:
    """Return the value of a dotted key; none below words that are null."""
    value: Any = recipe
    for word in key.split("."):
        value = getattr(value, word, None)
    return value


def _splits_make_a_whole(recipe: Recipe) -> Iterator[Problem]:
    shares = vars(recipe.data.splits)
    for name, share in shares.items():
        if not 0 < share < 1:
            yield f"data.splits.{name}", f"{share:g}; expected a share between 0 and 1"
    if abs(sum(shares.values()) - 1) > 1e-6:
        yield "data.splits", f"the shares add up to {sum(shares.values()):g}; expected 1"


def _numbers_are_numbers(recipe: Recipe) -> Iterator[Problem]:
    for group in ("data", "model", "train", "package"):
        for word, value in vars(getattr(recipe, group)).items():
            if isinstance(value, float) and not math.isfinite(value):
                yield f"{group}.{word}", f"{value}; expected a finite number"


def _seeds_can_be_used(recipe: Recipe) -> Iterator[Problem]:
    for key in SEEDS:
        seed = _at(recipe, key)
        if seed is not None and not 0 <= seed < 2**32:
            yield key, f"{seed}; expected 0 to 4294967295"


def _pixels_are_scaled(recipe: Recipe) -> Iterator[Problem]:
    if recipe.data.scale <= 0:
        yield "data.scale", f"{recipe.data.scale:g}; expected more than 0"


def _model_fits_its_architecture(recipe: Recipe) -> Iterator[Problem]:
    minimum = plugins.load("model.architecture", recipe.model.architecture).MINIMUM_RESOLUTION
    if recipe.model.resolution < minimum:
        yield "model.resolution", f"{recipe.model.resolution}; {recipe.model.architecture} expects {minimum} or more"
    if not 0 < recipe.model.width <= 4:
        yield "model.width", f"{recipe.model.width:g}; expected more than 0 and at most 4"


def _training_can_run(recipe: Recipe) -> Iterator[Problem]:
    for word in ("epochs", "batch_size", "threads"):
        if getattr(recipe.train, word) < 1:
            yield f"train.{word}", f"{getattr(recipe.train, word)}; expected 1 or more"
    if not 0 < recipe.train.learning_rate <= 1:
        yield "train.learning_rate", f"{recipe.train.learning_rate:g}; expected more than 0 and at most 1"


def _platform_has_the_runtime(recipe: Recipe) -> Iterator[Problem]:
    runtime, device = recipe.convert.runtime, recipe.device
    if runtime not in device.runtimes:
        yield "convert", f"{device.name} has no {runtime}; expected one of: {listed(device.runtimes)}"


def _core_ml_has_its_words(recipe: Recipe) -> Iterator[Problem]:
    runtime, words = recipe.convert.runtime, recipe.convert.coreml
    if runtime == "coreml" and words is None:
        yield "convert.coreml", "null; expected the words that only coreml has"
    elif runtime == "coreml":
        yield from coreml.check(recipe)
    elif words is not None:
        yield "convert.coreml", f"has words; expected null for {runtime}"


def _data_is_there(recipe: Recipe) -> Iterator[Problem]:
    try:
        _count(recipe)
    except EdgebakeError as error:
        yield "data.path", str(error)


def _every_split_holds_something(recipe: Recipe) -> Iterator[Problem]:
    if any(_splits_make_a_whole(recipe)) or any(_data_is_there(recipe)) or (count := _count(recipe)) is None:
        return
    for name, size in split_sizes(count, recipe.data.splits).items():
        if size < 1:
            yield f"data.splits.{name}", f"holds none of the {count} examples; expected at least 1"


def _device_has_an_accelerator(recipe: Recipe) -> Iterator[Problem]:
    if not recipe.device.accelerators:
        yield "device.accelerators", "empty; expected at least cpu"


def _device_can_be_told(recipe: Recipe) -> Iterator[Problem]:
    device = recipe.device
    if not re.fullmatch(r"\d+(\.\d+)*", device.minimum_os):
        yield "device.minimum_os", f"{device.minimum_os!r}; expected numbers with dots between, 17.2 for one"
    if device.memory_mb is not None and device.memory_mb < 1:
        yield "device.memory_mb", f"{device.memory_mb}; expected 1 or more, or null"


def _calibration_fits_its_split(recipe: Recipe) -> Iterator[Problem]:
    key, words = "quantize.calibration.examples", recipe.quantize.calibration
    if words is None or any(_splits_make_a_whole(recipe)) or any(_data_is_there(recipe)):
        return
    if words.examples < 1:
        yield key, f"{words.examples}; {recipe.quantize.scheme} expects 1 or more"
    count = _count(recipe)
    if count is not None and words.examples > (held := split_sizes(count, recipe.data.splits)["calibration"]):
        yield key, f"{words.examples}; expected at most {held}, all that the calibration split holds"


def _count(recipe: Recipe) -> int | None:
    """Return how many examples there are; none if DVC tracks the data and has not fetched them yet."""
    path = Path(recipe.data.path)
    if not path.exists() and path.with_name(f"{path.name}.dvc").exists():
        return None
    count: int = plugins.load("data.source", recipe.data.source).count(recipe.data)
    return count


def _answers_can_be_shown(recipe: Recipe) -> Iterator[Problem]:
    if recipe.package.top_k < 1:
        yield "package.top_k", f"{recipe.package.top_k}; expected 1 or more"
    if not 0 <= recipe.package.threshold <= 1:
        yield "package.threshold", f"{recipe.package.threshold:g}; expected 0 to 1"


RULES: tuple[Callable[[Recipe], Iterator[Problem]], ...] = (
    _splits_make_a_whole,
    _numbers_are_numbers,
    _seeds_can_be_used,
    _pixels_are_scaled,
    _model_fits_its_architecture,
    _training_can_run,
    _platform_has_the_runtime,
    prune_rules.check,
    quantize_rules.check,
    _core_ml_has_its_words,
    _data_is_there,
    _every_split_holds_something,
    _device_has_an_accelerator,
    _device_can_be_told,
    _calibration_fits_its_split,
    validate_rules.check,
    _answers_can_be_shown,
)
