"""Hydra's access to recipe files: where they lie, and the old names of their fields.

Hydra looks for a file in the project's recipes/ first, then in the recipes that are built into
edgebake.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from edgebake.plan.checks import secrets
from edgebake.recipe import files as recipe_files
from edgebake.recipe import renamed_fields
from edgebake.recipe.files import RECIPES, shown


def register() -> None:
    """Make Hydra read recipes with the classes of this module."""
    plugins = Plugins.instance()
    plugins.register(RecipeSearchPath)
    plugins.register(RecipeSource)


def read_options(file: Path, package: str) -> Any:
    """Read a recipe file as nested mappings and lists, with the new names of fields.

    Args:
        file: a YAML file of recipes/.
        package: dotted key below which the file is merged; empty for a target.
    """
    refuse_secrets(file)
    config = OmegaConf.load(file)
    options = OmegaConf.to_container(config)
    secrets.refuse_in_values(options, shown(file), package)
    return renamed_fields.rename_in_file(options, package, shown(file))


def refuse_secrets(file: Path) -> None:
    """Refuse a recipe file that contains a secret, before a parser could show a part of it.

    Raises:
        RecipeError: names the line, and the kind of secret.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    secrets.refuse_in_text(text, shown(file))


class RecipeSource(FileConfigSource):
    """Read recipe files for Hydra, with the old names of fields translated."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of the search path's elements."""
        return "recipes"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one file; called by Hydra."""
        file = Path(self.path) / self._normalize_file_name(config_path)
        if file.is_file():
            refuse_secrets(file)
        result = super().load_config(config_path)
        package = _package(config_path, result.header)
        options = OmegaConf.to_container(result.config)
        secrets.refuse_in_values(options, shown(file), package)
        options = renamed_fields.rename_in_file(options, package, shown(file))
        result.config = OmegaConf.create(options)
        return result


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


def _package(config_path: str, header: Mapping[str, str | None]) -> str:
    """Return the dotted key below which Hydra merges a file: its folder, or the package header."""
    package = header.get("package")
    if package == "_global_":
        return ""
    if package:
        return package
    folder = Path(config_path).parent.as_posix()
    return folder.replace("/", ".").removeprefix(".")
