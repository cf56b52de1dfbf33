"""Check a recipe before any work starts.

A rule takes a recipe and yields problems: the key, and what is wrong and what was expected. Each
rule checks one thing. The rules of most groups are in modules of their own.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from edgebake import plugins
from edgebake.compression.quantization import schemes
from edgebake.errors import EdgebakeError, Problem, listed
from edgebake.plan.checks import candidates, data, model, prune, quantize, stream, train, validate
from edgebake.plan.checks import input as input_checks
from edgebake.plan.checks.values import value_at
from edgebake.recipe import Cpu, Platform, Recipe
from edgebake.runtimes.interface import load_runtime

SCHEME = "quantize.scheme"
# Flags of /proc/cpuinfo; a device reports them as its features.
VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
SEEDS = (
    "data.seed",
    "train.seed",
    "prune.fine_tune.seed",
    "quantize.calibration.seed",
    "quantize.qat.seed",
)


Rule = Callable[[Recipe], Iterator[Problem]]


class NoTargetError(Exception):
    """A rule asks for a group that a partial recipe lacks."""


class PartialRecipe:
    """A recipe in which some groups have values; a rule that asks for another one ends there."""

    def __init__(self, groups: Mapping[str, object]) -> None:
        vars(self).update(groups)

    def __getattr__(self, name: str) -> Any:
        """Refuse to return another group; called if there is no such attribute."""
        raise NoTargetError(name)


def check(recipe: Recipe) -> list[Problem]:
    """Return every problem of a recipe whose values have the right types."""
    problems = list(_check_plugins(recipe))
    if problems:
        return problems
    for rule in RULES:
        problems += rule(recipe)
    return problems


def version_problem(version: str) -> str | None:
    """Return what is wrong with the version of a release, if anything.

    Source: Semantic Versioning 2.0.0 (https://semver.org), clauses 2 and 9.
    """
    if re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", version):
        return None
    return f"{version!r}; expected MAJOR.MINOR.PATCH, for example 1.4.0"


def check_option(recipe: Recipe, group: str) -> list[Problem]:
    """Return the problems that the options of one group have by themselves, with no file read.

    Args:
        recipe: a recipe in which only this group has values; others raise `NoTargetError`.
        group: a field of `Recipe`.
    """
    keys = [key for key in (*plugins.FOLDERS, SCHEME) if key.startswith(f"{group}.")]
    problems = list(_check_names(recipe, keys))
    if problems:
        return problems
    return _check_partly(
        recipe, (*RULES_OF_OPTIONS, *train.RULES, *quantize.RULES, *validate.RULES)
    )


def check_fit(recipe: Recipe) -> list[Problem]:
    """Return the problems that device, `quantize` and `convert` have with each other.

    Args:
        recipe: a recipe with these groups; others may raise `NoTargetError`.
    """
    rules = (_check_runtime_of_device, *quantize.RULES, _check_runtime_options)
    return _check_partly(recipe, rules)


def _check_partly(recipe: Recipe, rules: Iterable[Rule]) -> list[Problem]:
    """Return the problems that rules yield before they ask for a group that the recipe lacks."""
    problems: list[Problem] = []
    for rule in rules:
        with suppress(NoTargetError):
            # Not a list: problems that a rule yields before it asks for another group count.
            for problem in rule(recipe):
                problems.append(problem)
    return problems


def _check_plugins(recipe: Recipe) -> Iterator[Problem]:
    yield from _check_names(recipe, (*plugins.FOLDERS, SCHEME))


def _check_names(recipe: Recipe, keys: Iterable[str]) -> Iterator[Problem]:
    """Check the values that name a module or a scheme."""
    for key in keys:
        name = value_at(recipe, key)
        try:
            if key == SCHEME:
                schemes.refuse_unknown(name)
            elif name is not None:
                plugins.refuse_unknown(key, name)
        except EdgebakeError as error:
            yield key, str(error).removeprefix(f"{key}: ")


def _check_finite(recipe: Recipe) -> Iterator[Problem]:
    """Check numbers of the command line; those of files are checked when they are read."""
    for group in ("data", "model", "train", "package"):
        for name, value in vars(getattr(recipe, group)).items():
            numbers = value if isinstance(value, list) else [value]
            for number in numbers:
                if isinstance(number, float) and not math.isfinite(number):
                    yield f"{group}.{name}", f"{number}; expected a finite number"


def _seed_rule(key: str) -> Rule:
    def check_seed(recipe: Recipe) -> Iterator[Problem]:
        seed = value_at(recipe, key)
        if seed is not None and not 0 <= seed < 2**32:
            yield key, f"{seed}; expected 0 to 4294967295"

    return check_seed


def _check_runtime_of_device(recipe: Recipe) -> Iterator[Problem]:
    runtime, device = recipe.convert.runtime, recipe.device
    if runtime not in device.runtimes:
        expected = f"expected one of: {listed(device.runtimes)}"
        yield "convert", f"{device.name} has no {runtime}; {expected}"


def _check_runtime_options(recipe: Recipe) -> Iterator[Problem]:
    """Check that options of other runtimes are not set, then those of the runtime itself."""
    runtime = recipe.convert.runtime
    for name in plugins.options("convert.runtime"):
        if name == runtime:
            continue
        for option in load_runtime(name).facts.own_options:
            value = getattr(recipe.convert, option)
            if value is True:
                yield f"convert.{option}", f"true; expected false for {runtime}"
            elif value:
                yield f"convert.{option}", f"has options; expected null for {runtime}"
    yield from load_runtime(runtime).check_recipe(recipe)


def _check_accelerators(recipe: Recipe) -> Iterator[Problem]:
    if not recipe.device.accelerators:
        yield "device.accelerators", "empty; expected at least cpu"


def _check_device(recipe: Recipe) -> Iterator[Problem]:
    device = recipe.device
    if not re.fullmatch(r"\d+(\.\d+)*", device.minimum_os):
        expected = "expected numbers with dots between, for example 17.2"
        yield "device.minimum_os", f"{device.minimum_os!r}; {expected}"
    if device.memory_mb is not None and device.memory_mb < 1:
        yield "device.memory_mb", f"{device.memory_mb}; expected 1 or more, or null"


def _check_cpu(recipe: Recipe) -> Iterator[Problem]:
    """Check that a device whose rule matches any processor does not name one."""
    device = recipe.device
    cpu = device.cpu
    if device.platform is Platform.ios:
        if cpu in (Cpu.x86, Cpu.x86_vnni):
            yield "device.cpu", f"{cpu.value}; expected arm, which every iPhone has"
        return
    if cpu is Cpu.any or device.soc or device.devices:
        return
    if cpu is Cpu.arm:
        yield (
            "device.cpu",
            f"arm, but x86 processors match the device too; expected any, or soc or devices that "
            f"name processors or devices of {device.name}",
        )
    has_flag = device.platform is Platform.linux and VNNI_FLAGS.intersection(device.features)
    if cpu is Cpu.x86_vnni and not has_flag:
        yield (
            "device.cpu",
            "x86_vnni, but processors without VNNI match the device too; expected any, or "
            f"features with {' or '.join(sorted(VNNI_FLAGS))} on Linux, or soc or devices",
        )


def _check_package(recipe: Recipe) -> Iterator[Problem]:
    if recipe.package.top_k < 1:
        yield "package.top_k", f"{recipe.package.top_k}; expected 1 or more"
    if not 0 <= recipe.package.threshold <= 1:
        yield "package.threshold", f"{recipe.package.threshold:g}; expected 0 to 1"


SEED_RULES = tuple(_seed_rule(key) for key in SEEDS)
RULES: tuple[Rule, ...] = (
    data.check,
    _check_finite,
    *SEED_RULES,
    input_checks.check,
    stream.check,
    model.check,
    train.check,
    _check_runtime_of_device,
    prune.check,
    quantize.check,
    _check_runtime_options,
    _check_accelerators,
    _check_device,
    _check_cpu,
    validate.check,
    candidates.check,
    _check_package,
)
# Those that ask for one group, apart from the rules of `train`, `quantize` and `validate`.
RULES_OF_OPTIONS: tuple[Rule, ...] = (
    *SEED_RULES,
    data.check_alone,
    input_checks.check,
    stream.check_alone,
    model.check_alone,
    prune.check,
    _check_accelerators,
    _check_device,
    _check_cpu,
    _check_package,
)
