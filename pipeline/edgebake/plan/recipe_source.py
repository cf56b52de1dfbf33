"""Read recipe files: without secrets, with the new names of fields, each merged below its key."""

import re
from pathlib import Path
from typing import Any

from edgebake.documents import strict_yaml
from edgebake.errors import RecipeError
from edgebake.plan.checks import secrets
from edgebake.recipe import files as recipe_files
from edgebake.recipe import renamed_fields
from edgebake.recipe.files import shown
from edgebake.recipe.recipe_cache import once
from edgebake.terminal.printable import printable

# Without this line, Hydra would place the options of a target below the key `target`.
PACKAGE_HEADER = "# @package _global_"


@once
def read_options(file: Path, package: str) -> dict[str, Any]:
    """Read a recipe file as nested mappings and lists, with the new names of fields.

    Args:
        file: a YAML file of recipes/.
        package: dotted key below which the file is merged; empty for a target.

    Raises:
        RecipeError: it is no YAML file, or not a mapping.
    """
    options = read(file)
    secrets.refuse_in_values(options, shown(file), package)
    renamed: dict[str, Any] = renamed_fields.rename_in_file(options, package, shown(file))
    return renamed


@once
def read_values(file: Path, package: str) -> dict[str, Any]:
    """Read a recipe file as `read_options` does, without the other files that it lists.

    Raises:
        RecipeError: as `read_options` does.
    """
    options = read_options(file, package)
    return {key: value for key, value in options.items() if key != "defaults"}


@once
def read(file: Path) -> dict[str, Any]:
    """Read a recipe file as nested mappings and lists, with the names of fields as they are.

    A secret is refused before a parser could show a part of it.

    Raises:
        RecipeError: it contains a secret, is no YAML file, or not a mapping.
    """
    if file.is_file():
        with file.open("rb") as stream:
            data = stream.read(strict_yaml.MAX_BYTES)
        secrets.refuse_in_text(data.decode(errors="replace"), shown(file))
    return recipe_files.read(file)


@once
def package_of(file: Path, config: str) -> str:
    """Return the dotted key below which Hydra merges a file, empty for a target.

    That is the group of an option. The first line of a target says `# @package _global_`.

    Args:
        file: a YAML file of recipes/.
        config: `<group>/<option>`, or `recipe`.

    Raises:
        RecipeError: the file's package line names another key, or a target has no such line.
    """
    group = config.rpartition("/")[0]
    read(file)
    first_line, _, rest = file.read_text("utf-8").partition("\n")
    if group == recipe_files.TARGET:
        if first_line.rstrip() != PACKAGE_HEADER:
            expected = "expected it at the top of every target"
            raise RecipeError(f"{shown(file)}: line 1: no {PACKAGE_HEADER!r}; {expected}")
        return ""
    lines = [first_line, *rest.split("\n")]
    for number, line in enumerate(lines, start=1):
        if re.match(r"\s*#\s*@\s*package\b", line, re.IGNORECASE):
            problem = f"{printable(line.strip())!r}, which only targets have"
            expected = f"expected no such line: an option is merged below {group or 'no key'}"
            raise RecipeError(f"{shown(file)}: line {number}: {problem}; {expected}")
    return group
