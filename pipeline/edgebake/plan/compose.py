"""Compose the typed recipes of targets from the YAML files of recipes/.

Reads recipes/ of the project, and the recipes that are built into edgebake. Writes nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_type_hints

from edgebake.compression.quantization import schemes
from edgebake.errors import Problem, RecipeError, UnfitError, listed, nearest
from edgebake.plan import composition, defaults_list, recipe_source
from edgebake.plan import origins as origin_files
from edgebake.plan.checks import quantize as quantize_checks
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.plan.checks import secrets
from edgebake.plan.defaults_list import MergedFile
from edgebake.plan.origins import COMMAND_LINE
from edgebake.recipe import (
    CandidateParams,
    Recipe,
    Release,
    field_types,
    recipe_cache,
    release_file,
    renamed_fields,
)
from edgebake.recipe import files as recipe_files
from edgebake.recipe.files import find, shown, shown_option, targets
from edgebake.recipe.recipe_cache import once
from edgebake.recipe.typed_values import ConversionError, from_plain
from edgebake.terminal.printable import printable

MAX_PROBLEMS = 10  # of one file in a message


@dataclass(frozen=True)
class Target:
    """A target of a release: its recipe, composed of the options it chose."""

    name: str
    recipe: Recipe
    choices: dict[str, str]  # option by group
    candidate: CandidateParams | None = None  # if it is one of several of which one ships


def compose_release() -> Release:
    """Read and check the file of the release, recipes/release.yaml unless another is chosen.

    Raises:
        RecipeError: there is no such file, a key is unknown, missing or wrong, or a target is
            repeated or does not exist.
    """
    file = release_file.path()
    options = recipe_source.read(file)
    secrets.refuse_in_values(options, str(file))
    _refuse(field_types.problems(options, Release, ""), file)
    release: Release = _typed(options, Release, file)
    _check_release(release, file)
    return release


def compose_targets(names: Sequence[str], overrides: Sequence[str] = ()) -> list[Target]:
    """Compose and check the recipe of each target.

    Args:
        names: names of files in recipes/target/.
        overrides: values and options to replace, in Hydra's syntax, for example `train.epochs=3`.

    Raises:
        RecipeError: names the file, the key, what is wrong and what was expected.
    """
    overrides = [renamed_fields.rename_override(override) for override in overrides]
    secrets.refuse_in_values(overrides, COMMAND_LINE)
    if overrides:
        from edgebake.plan import overrides as override_checks  # imports Hydra

        override_checks.check(overrides)
    with recipe_cache.enabled():
        return [_compose_target(name, overrides) for name in names]


def option(group: str, name: str) -> Any:
    """Read the file of an option as the dataclass of its group.

    Raises:
        RecipeError: a key is unknown or wrong.
    """
    file = find(f"{group}/{name}")
    group_type = get_type_hints(Recipe)[group]
    options = recipe_source.read_values(file, group)
    _refuse(field_types.problems(options, group_type, group), file)
    return _typed(options, group_type, file)


def origins(target_name: str, overrides: Sequence[str] = ()) -> dict[str, str]:
    """Return the file that set each value of a target's recipe, by dotted key."""
    overrides = [renamed_fields.rename_override(override) for override in overrides]
    return origin_files.of_values(target_name, overrides)


def _compose_target(name: str, overrides: Sequence[str]) -> Target:
    _check_target_exists(name)
    recipe_source.package_of(find(f"target/{name}"), f"target/{name}")
    _check_files(name, overrides)
    composed = composition.compose(name, overrides)
    if composed is None:
        from edgebake.plan import hydra_compose  # imports Hydra

        composed = hydra_compose.compose_target(name, overrides)
    recipe, choices = composed
    check_names({"target": name, **choices})
    target = Target(name, recipe, choices)
    _check_candidates(target, overrides)
    _check_recipe(target, overrides)
    return target


def _typed(values: dict[str, Any], dataclass: Any, file: Path) -> Any:
    """Return the values of a file as a dataclass.

    Raises:
        RecipeError: a value is missing, or refers to one that is not there.
    """
    try:
        return from_plain(dataclass, values)
    except ConversionError:
        from edgebake.plan import hydra_compose  # imports Hydra

        return hydra_compose.read_values(values, dataclass, file)


def _check_target_exists(name: str) -> None:
    known = targets()
    if name not in known:
        expected = f"expected one of: {listed(known)}{nearest(name, known)}"
        file = f"recipes/target/{printable(name)}.yaml"
        raise RecipeError(f"{file}: no such target; {expected}")


def _check_files(name: str, overrides: Sequence[str]) -> None:
    """Check keys and types of each file of a target by itself, so that messages name the file."""
    for merged in defaults_list.files_of_target(name, overrides):
        check_file(merged)


@once
def check_file(merged: MergedFile, package_type: Any = None) -> None:
    """Check keys and types of a recipe file.

    Args:
        merged: the file, and the key below which it is merged.
        package_type: type of that key's value; None: the one that `Recipe` has.

    Raises:
        RecipeError: names the file, each key, what is wrong and what was expected.
    """
    file = find(merged.config)
    recipe_source.package_of(file, merged.config)
    options = recipe_source.read_values(file, merged.package)
    if not merged.package:
        package_type = Recipe
    elif package_type is None:
        package_type = field_types.type_at(Recipe, merged.package)
    _refuse(field_types.problems(options, package_type, merged.package), file)


def _refuse(problems: Iterable[Problem], file: Path) -> None:
    """Raise an error that names each problem of a file, if there is any."""
    lines = [
        f"{shown(file)}: {key}: {problem}" if key else f"{shown(file)}: {problem}"
        for key, problem in islice(problems, MAX_PROBLEMS)
    ]
    if lines:
        raise RecipeError("\n".join(lines))


def check_names(choices: dict[str, str]) -> None:
    """Check names that become part of a variant's name.

    DVC reads a dot as nesting, and a shell splits at blanks.
    """
    for group, choice in choices.items():
        if not re.fullmatch(r"[A-Za-z0-9_]+", choice):
            problem = f"the name {choice!r} cannot be part of a variant's"
            expected = "expected only letters, digits and _"
            raise RecipeError(f"{shown_option(group, choice)}: {problem}; {expected}")


def _check_candidates(target: Target, overrides: Sequence[str]) -> None:
    """Check that each candidate is an option of quantize that names a scheme itself."""
    named: dict[str, list[str]] = {"quantize.candidates": target.recipe.quantize.candidates or []}
    if target.recipe.candidates is not None:
        named["candidates.quantize"] = target.recipe.candidates.quantize
    if not any(named.values()):
        return
    known = [name for name in recipe_files.options("quantize") if not _is_auto(name)]
    for key, candidates in named.items():
        for candidate in candidates:
            if candidate not in known:
                files = origin_files.of_values(target.name, overrides)
                file = origin_files.file_of(key, target.name, target.choices, files)
                nearby = nearest(candidate, known)
                expected = f"expected options of quantize: {listed(known)}{nearby}"
                raise RecipeError(f"{file}: {key}: {candidate}; {expected}")


def _is_auto(quantize_option: str) -> bool:
    file = find(f"quantize/{quantize_option}")
    return recipe_source.read(file).get("scheme") == schemes.AUTO


def _check_recipe(target: Target, overrides: Sequence[str]) -> None:
    problems = recipe_checks.check(target.recipe)
    if not problems:
        return
    files = origin_files.of_values(target.name, overrides)
    lines: list[str] = []
    for key, problem in problems:
        file = origin_files.file_of(key, target.name, target.choices, files)
        lines.append(f"{file}: {key}: {problem}")
    message = "\n".join(lines)
    if all(key in quantize_checks.FIT for key, _ in problems):
        raise UnfitError(message)
    raise RecipeError(message)


def _check_release(release: Release, file: Path) -> None:
    if not release.targets:
        raise RecipeError(f"{file}: targets: empty; expected at least one of: {listed(targets())}")
    signing_key = release.signature.key if release.signature else None
    secrets.refuse_pasted_keys(signing_key, release.encryption_key, str(file))
    for name in release.targets:
        count = release.targets.count(name)
        if count > 1:
            raise RecipeError(f"{file}: targets: {name} is named {count} times; expected once")
        if name not in targets():
            expected = f"expected one of: {listed(targets())}{nearest(name, targets())}"
            raise RecipeError(f"{file}: targets: no recipes/target/{name}.yaml; {expected}")
    problem = recipe_checks.version_problem(release.version)
    if problem:
        raise RecipeError(f"{file}: version: {problem}")
    for stage, memory in vars(release.memory_gb).items():
        if memory is not None and memory <= 0:
            expected = "expected more than 0, in 10^9 bytes"
            raise RecipeError(f"{file}: memory_gb.{stage}: {memory:g}; {expected}")
