"""Options of a plugin, whose types are fields of a dataclass that the plugin brings."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from edgebake.errors import Problem, RecipeError
from edgebake.recipe import field_types, typed_values

Options = TypeVar("Options")


def problems(values: Mapping[str, Any], options: type, key: str) -> Iterator[Problem]:
    """Yield each value that does not fit its field, each unknown key, and each missing one.

    Args:
        values: as the recipe has them.
        options: the plugin's dataclass.
        key: dotted key of the values in the recipe.
    """
    if not field_types.keys_of(options) and values:
        yield key, f"has values: {', '.join(map(str, values))}; expected none, {{}}"
        return
    yield from field_types.problems(values, options, key)
    for missing in field_types.missing(values, options, key):
        yield missing, "no value; expected one, it has no default"


def typed(values: Mapping[str, Any], options: type[Options], key: str) -> Options:
    """Return values as an instance of the plugin's dataclass.

    Raises:
        RecipeError: a value is missing, unknown or of another type; names the first.
    """
    for problem_key, problem in problems(values, options, key):
        raise RecipeError(f"{problem_key}: {problem}")
    instance: Options = typed_values.from_plain(options, values)
    return instance
