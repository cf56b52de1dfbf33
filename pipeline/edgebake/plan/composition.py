"""Merge the files of a target into its recipe.

Hydra does the same, and is left what only it can do: values that refer to others,
`${model.resolution}`, and overrides of the command line other than an option or null. It is left
whatever is wrong, too, as its errors are those that are translated.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from edgebake.plan import defaults_list, recipe_source
from edgebake.recipe import Recipe, field_types, files
from edgebake.recipe.missing import MISSING
from edgebake.recipe.recipe_cache import once
from edgebake.recipe.typed_values import ConversionError, from_plain

Composed = tuple[Recipe, dict[str, str]]  # a recipe, and the options it consists of, by group


def compose(name: str, overrides: Sequence[str]) -> Composed | None:
    """Compose the recipe of a target, whose files were checked by themselves.

    Args:
        name: of a file in recipes/target/.
        overrides: values and options to replace, in Hydra's syntax.

    Returns:
        The recipe and the options by group; None if Hydra has to compose it.
    """
    merge = defaults_list.merge_of_target(name, overrides)
    if merge.needs_hydra:
        return None
    values: dict[str, Any] = {}
    for merged in merge.in_order:
        file = files.find(merged.config)
        options = recipe_source.read_values(file, merged.package)
        if _has_references(merged.config, merged.package):
            return None
        values = _merge(values, _nest(options, merged.package))
    for override in overrides:
        key, _, value = override.partition("=")
        if key in merge.choices:
            continue
        if value != "null" or field_types.type_at(Recipe, key) is None:
            return None
        values = _merge(values, _nest(None, key))
    try:
        recipe: Recipe = from_plain(Recipe, values)
    except ConversionError:
        return None
    return recipe, dict(merge.choices)


@once
def _has_references(config: str, package: str) -> bool:
    """Return whether a value of a file refers to another one, or is left open."""
    options = recipe_source.read_values(files.find(config), package)
    return _refers(options)


def _refers(node: object) -> bool:
    if isinstance(node, str):
        return node == MISSING or "${" in node
    children: list[object] = []
    if isinstance(node, Mapping):
        children += node.values()
    elif isinstance(node, list):
        children += node
    return any(map(_refers, children))


def _nest(value: Any, key: str) -> Any:
    """Return a value as it is below a dotted key."""
    if not key:
        return value
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


def _merge(values: dict[str, Any], replacing: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings in which those of `replacing` replace equal keys, leaf by leaf."""
    merged = dict(values)
    for key, value in replacing.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, Mapping):
            merged[key] = _merge(before, value)
        else:
            merged[key] = value
    return merged
