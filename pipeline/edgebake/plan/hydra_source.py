"""Hydra's access to recipe files: where they lie, and the old names of their fields.

Hydra looks for a file in the project's recipes/ first, then in the recipes that are built into
edgebake.
"""

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from edgebake.plan.recipe_source import package_of, read_options
from edgebake.recipe import files as recipe_files
from edgebake.recipe.files import RECIPES


def register() -> None:
    """Make Hydra read recipes with the classes of this module."""
    plugins = Plugins.instance()
    plugins.register(RecipeSearchPath)
    plugins.register(RecipeSource)


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
