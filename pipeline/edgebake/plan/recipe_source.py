"""Hydra's access to recipe files: where they lie, and the old names of their fields.

Hydra looks for a file in the project's recipes/ first, then in the recipes that are built into
edgebake.
"""

import re
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from edgebake.documents import strict_yaml
from edgebake.errors import RecipeError
from edgebake.plan.checks import secrets
from edgebake.recipe import files as recipe_files
from edgebake.recipe import renamed_fields
from edgebake.recipe.files import RECIPES, shown
from edgebake.terminal.printable import printable

# Without this line, Hydra would place the options of a target below the key `target`.
PACKAGE_HEADER = "# @package _global_"


def register() -> None:
    """Make Hydra read recipes with the classes of this module."""
    plugins = Plugins.instance()
    plugins.register(RecipeSearchPath)
    plugins.register(RecipeSource)


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


class RecipeSource(FileConfigSource):
    """Read recipe files for Hydra, with the old names of fields translated."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of the search path's elements."""
        return "recipes"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one file; called by Hydra."""
        file = Path(self.path) / self._normalize_file_name(config_path)
        package = package_of(file, config_path)
        options = read_options(file, package)
        return ConfigResult(
            config=OmegaConf.create(options),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={"package": package or "_global_"},
        )


class RecipeSearchPath(SearchPathPlugin):
    """Let Hydra search the project's recipes, then the built-in ones, with `RecipeSource`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Replace the folder that Hydra was started with; called by Hydra."""
        for element in search_path.get_path():
            if element.provider == "main":
                element.path = f"recipes://{RECIPES.resolve()}"
        _, *built_in = recipe_files.folders()
        for folder in built_in:
            search_path.append("edgebake", f"recipes://{folder}")


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
