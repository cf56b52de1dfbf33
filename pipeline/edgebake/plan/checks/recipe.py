"""What must hold between the words of a recipe, checked before any work starts.

A rule takes a recipe and yields (key, what is wrong and what was expected). Each rule checks one thing.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from edgebake import plugins
from edgebake.compression.quantization import schemes
from edgebake.errors import EdgebakeError, listed
from edgebake.plan.checks import (
    data as data_checks,
)
from edgebake.plan.checks import (
    model as model_checks,
)
from edgebake.plan.checks import (
    prune as prune_checks,
)
from edgebake.plan.checks import (
    quantize as quantize_checks,
)
from edgebake.plan.checks import (
    train as train_checks,
)
from edgebake.plan.checks import (
    validate as validate_checks,
)
from edgebake.recipe import Color, Recipe
from edgebake.runtimes.interface import load_runtime

Problem = tuple[str, str]

SEEDS = (
    "data.seed",
    "train.seed",
    "prune.fine_tune.seed",
    "quantize.calibration.seed",
    "quantize.qat.seed",
)


def check(recipe: Recipe) -> list[Problem]:
    """Return every problem of a recipe whose types are already right; an empty list is a sound recipe."""
    plugin_problems = list(_names_a_module(recipe))
    return plugin_problems or [problem for rule in RULES for problem in rule(recipe)]


def version_problem(version: str) -> str | None:
    """Return what is wrong with a release's version, if anything (https://semver.org, clause 2)."""
    if re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", version):
        return None
    return f"{version!r}; expected MAJOR.MINOR.PATCH, for example 1.4.0"


def _names_a_module(recipe: Recipe) -> Iterator[Problem]:
    for key in plugins.FOLDERS:
        name = _at(recipe, key)
        try:
            if name is not None:
                plugins.refuse_unknown(key, name)
        except EdgebakeError as error:
            yield key, str(error).removeprefix(f"{key}: ")
    try:
        schemes.refuse_unknown(recipe.quantize.scheme)
    except EdgebakeError as error:
        yield "quantize.scheme", str(error)


def _at(recipe: Recipe, key: str) -> Any:
    """Return the value of a dotted key; none below words that are null."""
    value: Any = recipe
    for word in key.split("."):
        value = getattr(value, word, None)
    return value


def _numbers_are_numbers(recipe: Recipe) -> Iterator[Problem]:
    for group in ("data", "model", "train", "package"):
        for word, value in vars(getattr(recipe, group)).items():
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, float) and not math.isfinite(number):
                    yield f"{group}.{word}", f"{number}; expected a finite number"


def _seeds_can_be_used(recipe: Recipe) -> Iterator[Problem]:
    for key in SEEDS:
        seed = _at(recipe, key)
        if seed is not None and not 0 <= seed < 2**32:
            yield key, f"{seed}; expected 0 to 4294967295"


def _pixels_are_scaled(recipe: Recipe) -> Iterator[Problem]:
    data = recipe.data
    grey, color = data.color is Color.grayscale, data.color.value
    expected = (
        f"1, as {color} has one channel" if grey else f"1, or 3, one for each channel of {color}"
    )
    for word, numbers in (("mean", data.mean), ("scale", data.scale)):
        if len(numbers) not in ((1,) if grey else (1, 3)):
            yield f"data.{word}", f"{len(numbers)} numbers; expected {expected}"
    yield from (
        ("data.scale", f"{scale:g}; expected more than 0") for scale in data.scale if scale <= 0
    )


def _platform_has_the_runtime(recipe: Recipe) -> Iterator[Problem]:
    runtime, device = recipe.convert.runtime, recipe.device
    if runtime not in device.runtimes:
        yield (
            "convert",
            f"{device.name} has no {runtime}; expected one of: {listed(device.runtimes)}",
        )


def _runtime_has_its_options(recipe: Recipe) -> Iterator[Problem]:
    runtime = recipe.convert.runtime
    for name in plugins.options("convert.runtime"):
        foreign = load_runtime(name).facts.own_options if name != runtime else ()
        for option in foreign:
            value = getattr(recipe.convert, option)
            if value is True:
                yield f"convert.{option}", f"true; expected false for {runtime}"
            elif value:
                yield f"convert.{option}", f"has words; expected null for {runtime}"
    yield from load_runtime(runtime).check_recipe(recipe)


def _device_has_an_accelerator(recipe: Recipe) -> Iterator[Problem]:
    if not recipe.device.accelerators:
        yield "device.accelerators", "empty; expected at least cpu"


def _device_can_be_told(recipe: Recipe) -> Iterator[Problem]:
    device = recipe.device
    if not re.fullmatch(r"\d+(\.\d+)*", device.minimum_os):
        yield (
            "device.minimum_os",
            f"{device.minimum_os!r}; expected numbers with dots between, for example 17.2",
        )
    if device.memory_mb is not None and device.memory_mb < 1:
        yield "device.memory_mb", f"{device.memory_mb}; expected 1 or more, or null"


def _answers_can_be_shown(recipe: Recipe) -> Iterator[Problem]:
    if recipe.package.top_k < 1:
        yield "package.top_k", f"{recipe.package.top_k}; expected 1 or more"
    if not 0 <= recipe.package.threshold <= 1:
        yield "package.threshold", f"{recipe.package.threshold:g}; expected 0 to 1"


RULES: tuple[Callable[[Recipe], Iterator[Problem]], ...] = (
    data_checks.check,
    _numbers_are_numbers,
    _seeds_can_be_used,
    _pixels_are_scaled,
    model_checks.check,
    train_checks.check,
    _platform_has_the_runtime,
    prune_checks.check,
    quantize_checks.check,
    _runtime_has_its_options,
    _device_has_an_accelerator,
    _device_can_be_told,
    validate_checks.check,
    _answers_can_be_shown,
)
