"""Check options by themselves, whether a target picks them or not.

Keys, types and ranges are checked. What depends on another group, or reads a file that an option
names, is checked when a target picks the option.
"""

from typing import Any

from omegaconf import OmegaConf

from edgebake import plugins
from edgebake.errors import RecipeError, listed, nearest
from edgebake.plan import compose, defaults_list, recipe_source
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.plan.checks.recipe import PartialRecipe
from edgebake.plan.defaults_list import MergedFile
from edgebake.plan.hydra_compose import translated_errors
from edgebake.recipe import FineTune, Recipe, field_types, files, option_groups
from edgebake.recipe.files import RECIPES, TARGET, shown_option

PLACEHOLDER = "set by each target"
# Options of recipes/train/ can be used below prune.fine_tune as well.
WIDER_TYPES = {"train": FineTune}


def check_all() -> int:
    """Check every option of the project, and return their number.

    Raises:
        RecipeError: names the file of the option, the key, what is wrong and what was expected.
    """
    count = 0
    known = option_groups()
    for group, options in files.groups().items():
        for option in options:
            if group == TARGET or not files.find(f"{group}/{option}").is_relative_to(RECIPES):
                continue
            if group not in known:
                expected = f"expected one of: {listed(known)}{nearest(group, known)}"
                problem = f"no group {group!r}"
                raise RecipeError(f"{shown_option(group, option)}: {problem}; {expected}")
            check(group, option)
            count += 1
    return count


def check(group: str, option: str) -> None:
    """Check one option.

    Raises:
        RecipeError: names the file of the option, the key, what is wrong and what was expected.
    """
    compose.check_names({group: option})
    values = read(group, option)
    if values is None:
        return
    alone: Any = PartialRecipe({group: values})
    problems = recipe_checks.check_option(alone, group)
    if problems:
        name = shown_option(group, option)
        lines = [f"{name}: {key}: {problem}" for key, problem in problems]
        raise RecipeError("\n".join(lines))


def read(group: str, option: str) -> Any:
    """Return an option as the dataclass of its group; None if a target has to complete it.

    Texts that each target has to set are a placeholder.

    Raises:
        RecipeError: a key is unknown, or a value has the wrong type.
    """
    group_type = WIDER_TYPES.get(group) or field_types.type_at(Recipe, group)
    files_of_option = defaults_list.files_of_option(group, option)
    for file in files_of_option:
        compose.check_file(file, group_type if file.package == group else None)
    with translated_errors(files.find(f"{group}/{option}"), ()):
        merged = _merge(files_of_option, group, group_type)
        if not _fill_missing(merged):
            return None
        instance: Any = OmegaConf.to_object(merged)
    return instance[group]


def _merge(files_of_option: list[MergedFile], group: str, group_type: Any) -> Any:
    """Merge an option with the files that it lists; its own values replace theirs."""
    merged: Any = OmegaConf.create({group: OmegaConf.structured(group_type)})
    for file in reversed(files_of_option):
        node = recipe_source.read_values(files.find(file.config), file.package)
        for key in reversed(file.package.split(".")):
            node = {key: node}
        merged = OmegaConf.merge(merged, node)
    return merged


def _fill_missing(merged: Any) -> bool:
    """Fill texts that each target has to set; return whether every value is there then."""
    is_complete = True
    for key in sorted(OmegaConf.missing_keys(merged)):
        expected = field_types.type_at(Recipe, key)
        if key not in (*plugins.FOLDERS, recipe_checks.SCHEME) and expected in (str, str | None):
            OmegaConf.update(merged, key, PLACEHOLDER)
        else:
            is_complete = False
    return is_complete
