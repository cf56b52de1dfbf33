"""Find the files of recipes: those of the project, then those built into edgebake.

A file of the project replaces a built-in file of the same name. If the project has a folder
recipes/target/, the built-in targets are ignored. The built-in files are inside an installed
package, and at the top of the repository in a checkout of edgebake itself.
"""

import os
from pathlib import Path
from typing import Any

from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import RecipeError
from edgebake.recipe.recipe_cache import once
from edgebake.terminal.printable import printable

RECIPES = Path("recipes")  # of the project
PACKAGE = Path(__file__).parents[1]
TARGET = "target"


def builtin(name: str) -> Path:
    """Return the path of a file or folder of edgebake: `recipes`, `LICENSES` or `dvc.yaml`."""
    installed = PACKAGE / "builtin" / name
    return installed if installed.exists() else PACKAGE.parents[1] / name


@once
def folders() -> list[Path]:
    """Return the folders of recipes, the project's first; only one if the project is edgebake."""
    builtin_recipes = builtin("recipes")
    if not builtin_recipes.is_dir():
        return [RECIPES]
    if RECIPES.is_dir() and RECIPES.samefile(builtin_recipes):
        return [RECIPES]
    return [RECIPES, builtin_recipes]


@once
def find(config: str) -> Path:
    """Return the file of `<group>/<option>`; the project's path if there is no such file."""
    for folder in folders():
        file = folder / f"{config}.yaml"
        if file.is_file():
            return file
    return RECIPES / f"{config}.yaml"


def read(file: Path) -> dict[str, Any]:
    """Read a recipe file as nested mappings and lists; an empty file is an empty mapping.

    Raises:
        RecipeError: it is no YAML file, or not a mapping; the message names file and line.
    """
    try:
        content = strict_yaml.read(file)
    except StrictYamlError as error:
        raise RecipeError(f"{shown(file)}: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        expected = "expected lines of `key: value`"
        raise RecipeError(f"{shown(file)}: {strict_yaml.shown(content)}; {expected}")
    return content


@once
def options(group: str) -> list[str]:
    """Return the options of a group, of the project and built in, sorted."""
    searched = [folder / group for folder in folders()]
    if group == TARGET and searched[0].is_dir():
        searched = searched[:1]
    names: set[str] = set()
    for folder in searched:
        names.update(file.stem for file in folder.glob("*.yaml"))
    return sorted(names)


def groups() -> dict[str, list[str]]:
    """Return the options of every group, sorted."""
    names: set[str] = set()
    for folder in folders():
        names.update(path.name for path in folder.iterdir() if path.is_dir())
    return {name: options(name) for name in sorted(names)}


def is_group(name: str) -> bool:
    """Return whether a folder of recipes has this name."""
    return any((folder / name).is_dir() for folder in folders())


def targets() -> list[str]:
    """Return the names of all targets, sorted."""
    return options(TARGET)


@once
def shown(file: Path) -> str:
    """Return the name of a file in messages.

    Files of the project are named by their path, built-in ones as `edgebake: quantize/int8.yaml`.
    """
    # Other than Path.resolve, realpath returns for symbolic links that form a loop.
    resolved = Path(os.path.realpath(file))
    for folder in folders():
        real_folder = Path(os.path.realpath(folder))
        if resolved.is_relative_to(real_folder):
            path = printable(resolved.relative_to(real_folder))
            return f"{RECIPES}/{path}" if folder == RECIPES else f"edgebake: {path}"
    return printable(file)


def shown_option(group: str, option: str) -> str:
    """Return the name of an option's file in messages."""
    return shown(find(f"{group}/{option}"))
