"""YAML files in, typed recipes out. The only module that imports Hydra.

Reads recipes/, and behind it the recipes that edgebake brings. Writes nothing.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from edgebake.compression.quantization import schemes
from edgebake.errors import RecipeError, UnfitError, listed, nearest
from edgebake.plan.checks import quantize as quantize_checks
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.recipe import Protect, Recipe, Release
from edgebake.recipe import files as recipe_files
from edgebake.recipe.config_errors import translate
from edgebake.recipe.files import RECIPES, find, shown, shown_option, targets

COMMAND_LINE = "command line"
NONE = "none"  # the option of prune and quantize that changes nothing
PLACE = "# @package _global_"  # without it, Hydra reads a target's words as lying below `target:`
NO_VALUE = "no value; expected one, it has no default"

_store = ConfigStore.instance()
_store.store(name="schema", node=Recipe)
_store.store(name="release_schema", node=Release)


class Brought(SearchPathPlugin):
    """Let Hydra look for what the project's folder lacks in the recipes that edgebake brings."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append their folder; Hydra calls this."""
        for folder in recipe_files.folders()[1:]:
            search_path.append("edgebake", f"file://{folder}")


Plugins.instance().register(Brought)


@dataclass(frozen=True)
class Target:
    """A target of a release: its recipe, composed of the options it chose."""

    name: str
    recipe: Recipe
    choices: dict[str, str]  # option by group


def compose_release() -> Release:
    """Return recipes/release.yaml, checked.

    Raises:
        RecipeError: a key is unknown, missing or wrong, or a target is named twice or does not exist.
    """
    file = RECIPES / "release.yaml"
    with _translated(file, ()):
        merged = OmegaConf.merge(OmegaConf.structured(Release), OmegaConf.load(file))
        for key in sorted(OmegaConf.missing_keys(merged)):
            raise RecipeError(f"{file}: {key}: {NO_VALUE}")
        release: Release = OmegaConf.to_object(merged)  # type: ignore[assignment]
    _check_release(release, file)
    return release


def compose_targets(names: Sequence[str], overrides: Sequence[str] = ()) -> list[Target]:
    """Return the recipe of each target, checked; `overrides` are Hydra's, `train.epochs=3` for one.

    Raises:
        RecipeError: naming file, key, what is wrong and what was expected.
    """
    with _hydra():
        return [_compose_target(name, overrides) for name in names]


def option(group: str, name: str) -> Any:
    """Return what the file of an option says, as it is.

    Raises:
        RecipeError: a key is unknown or wrong.
    """
    file = find(f"{group}/{name}")
    with _translated(file, ()):
        merged = OmegaConf.merge(
            OmegaConf.structured(get_type_hints(Recipe)[group]), OmegaConf.load(file)
        )
        return OmegaConf.to_object(merged)


def float_parent(target: Target) -> Target:
    """Return what a target's speedup is counted against: its model, neither pruned nor quantized, in its runtime."""
    convert = replace(target.recipe.convert, input=None, output=None, ort_format=False)
    recipe = replace(
        target.recipe,
        prune=option("prune", NONE),
        quantize=option("quantize", NONE),
        convert=convert,
        package=replace(
            target.recipe.package, protect=Protect.none
        ),  # it does not ship, and targets share it
    )
    return replace(
        target, recipe=recipe, choices={**target.choices, "prune": NONE, "quantize": NONE}
    )


def origins(name: str, overrides: Sequence[str] = ()) -> dict[str, str]:
    """Return for each dotted key of a target's recipe the file that its value came from."""
    with _hydra():
        return _origins(name, overrides)


@contextmanager
def _hydra() -> Iterator[None]:
    with initialize_config_dir(str(RECIPES.resolve()), version_base="1.3"):
        yield


@contextmanager
def _translated(file: Path, overrides: Sequence[str]) -> Iterator[None]:
    """Say in edgebake's words what the libraries below complain of; `file` is named where they name none."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{shown(file)}, or an option that it picks: not UTF-8: {error}"
        ) from None
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise translate(error, overrides, shown(file)) from None
    except AttributeError as error:
        # OmegaConf 2.3 cannot merge a mapping from the command line into words that are null.
        key = str(error).partition("full_key: ")[2].partition("\n")[0]
        raise RecipeError(
            f"command line: {key}: null; expected a mapping in a file of recipes/, for example a target"
        ) from None


def _refuse_names(choices: dict[str, str]) -> None:
    """Refuse names that cannot be part of a variant's: DVC reads `.` as nesting, a shell splits at blanks."""
    for group, choice in choices.items():
        if not re.fullmatch(r"[A-Za-z0-9_]+", choice):
            raise RecipeError(
                f"{shown_option(group, choice)}: the name {choice!r} cannot be part of a variant's; "
                "expected letters, digits and _ alone"
            )


def _compose_target(name: str, overrides: Sequence[str]) -> Target:
    known = targets()
    if name not in known:
        expected = f"expected one of: {listed(known)}{nearest(name, known)}"
        raise RecipeError(f"recipes/target/{name}.yaml: no such target; {expected}")
    file = find(f"target/{name}")
    _refuse_unplaced(file)
    with _translated(file, overrides):
        config = compose(
            "recipe", overrides=[f"target={name}", *overrides], return_hydra_config=True
        )
    choices = {
        group: choice for group, choice in config.hydra.runtime.choices.items() if "/" not in group
    }
    with flag_override(config, ["struct", "readonly"], [False, False]):
        del config["hydra"]
    with _translated(file, overrides):
        for key in sorted(OmegaConf.missing_keys(config)):
            raise RecipeError(f"{_file_of(key, name, choices, {})}: {key}: {NO_VALUE}")
        recipe: Recipe = OmegaConf.to_object(config)  # type: ignore[assignment]
    _refuse_names({"target": name, **choices})
    composed = Target(name, recipe, choices)
    _refuse_unknown_rungs(composed, overrides)
    _refuse_problems(composed, overrides)
    return composed


def _refuse_unplaced(target: Path) -> None:
    if not target.read_text().startswith(PLACE):
        raise RecipeError(
            f"{shown(target)}: line 1: no {PLACE!r}; expected it at the top of every target"
        )


def _refuse_unknown_rungs(composed: Target, overrides: Sequence[str]) -> None:
    """Refuse a ladder with a word that is no option: passed over in silence, it would never be tried."""
    rungs = composed.recipe.quantize.candidates
    if not rungs:
        return
    known = [
        name
        for name in recipe_files.options("quantize")
        if not _is_ladder(find(f"quantize/{name}"))
    ]
    for option in rungs:
        if option not in known:
            key = "quantize.candidates"
            file = _file_of(
                key, composed.name, composed.choices, _origins(composed.name, overrides)
            )
            expected = f"expected options of quantize: {listed(known)}{nearest(option, known)}"
            raise RecipeError(f"{file}: {key}: {option}; {expected}")


def _is_ladder(option: Path) -> bool:
    content = yaml.safe_load(option.read_text())
    return isinstance(content, dict) and content.get("scheme") == schemes.AUTO


def _refuse_problems(composed: Target, overrides: Sequence[str]) -> None:
    problems = recipe_checks.check(composed.recipe)
    if problems:
        files = _origins(composed.name, overrides)
        lines = (
            f"{_file_of(key, composed.name, composed.choices, files)}: {key}: {text}"
            for key, text in problems
        )
        kind = UnfitError if all(key in quantize_checks.FIT for key, _ in problems) else RecipeError
        raise kind("\n".join(lines))


def _file_of(key: str, target: str, choices: dict[str, str], files: dict[str, str]) -> str:
    """Return the file to mend: a group's choice is made by the target, a value stands where it was last set."""
    group = key.split(".", maxsplit=1)[0]
    if key == group:
        return shown_option("target", target)
    below = (file for name, file in files.items() if name == key or name.startswith(f"{key}."))
    return next(below, shown_option(group, choices[group]))


def _check_release(release: Release, file: Path) -> None:
    if not release.targets:
        raise RecipeError(f"{file}: targets: empty; expected at least one of: {listed(targets())}")
    for target in release.targets:
        if release.targets.count(target) > 1:
            raise RecipeError(
                f"{file}: targets: {target} is named {release.targets.count(target)} times; expected once"
            )
        if target not in targets():
            known = f"expected one of: {listed(targets())}{nearest(target, targets())}"
            raise RecipeError(f"{file}: targets: no recipes/target/{target}.yaml; {known}")
    problem = recipe_checks.version_problem(release.version)
    if problem:
        raise RecipeError(f"{file}: version: {problem}")


def _origins(name: str, overrides: Sequence[str]) -> dict[str, str]:
    loader = GlobalHydra.instance().config_loader()
    defaults = loader.compute_defaults_list(
        "recipe", [f"target={name}", *overrides], RunMode.RUN
    ).defaults
    found: dict[str, str] = {}
    for entry in defaults:
        path = find(str(entry.config_path))
        if path.exists():
            content = yaml.safe_load(path.read_text()) or {}
            content.pop("defaults", None)
            found.update(dict.fromkeys(_leaves(content, entry.package or ""), shown(path)))
    for override in overrides:
        key = override.lstrip("+~").split("=", 1)[0]
        if not recipe_files.is_group(
            key
        ):  # the name of a group picks another file, which is among the entries already
            touched = [known for known in found if known.startswith(f"{key}.")]
            found.update(dict.fromkeys([*touched, key], COMMAND_LINE))
    return found


def _leaves(content: Any, prefix: str) -> Iterator[str]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix
