"""Check the overrides of the command line before Hydra applies them."""

from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from edgebake.documents.strict_yaml import shown
from edgebake.errors import RecipeError, listed, nearest
from edgebake.recipe import Recipe, field_types, files, option_groups
from edgebake.recipe.files import TARGET
from edgebake.terminal.printable import printable

COMMAND_LINE = "command line"
EXAMPLE = "expected KEY=VALUE, for example train.epochs=3"


def check(overrides: Sequence[str]) -> None:
    """Check the form of overrides, their keys, and the types of their values.

    Raises:
        RecipeError: an override is wrong.
    """
    parser = OverridesParser.create()
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            raise _refusal(f"{printable(text)!r} is not an override; {EXAMPLE}") from None
        for problem in _problems(override, text):
            raise _refusal(problem)


def _problems(override: Override, text: str) -> Iterator[str]:
    key = override.key_or_group
    if override.is_delete() or not key:
        yield f"{printable(text)!r} has no value; {EXAMPLE}"
        return
    if override.is_sweep_override():
        yield f"{printable(text)!r} has several values; expected one"
        return
    value: Any = override.value()
    known = option_groups()
    if (
        override.package is not None
        or key == TARGET
        or (key in known and not isinstance(value, dict))
    ):
        options = files.options(key)
        if not isinstance(value, str):
            yield f"{key}: {shown(value)}; expected one of: {listed(options)}"
        elif value not in options:
            expected = f"expected one of: {listed(options)}{nearest(value, options)}"
            yield f"{key}: no option {shown(value)}; {expected}"
        return
    for name in reversed(key.split(".")):
        value = {name: value}
    for wrong_key, problem in field_types.problems(value, Recipe, ""):
        yield f"{wrong_key}: {problem}"


def _refusal(problem: str) -> RecipeError:
    return RecipeError(f"{COMMAND_LINE}: {problem}")
