"""The targets, the options of every group and the project's plugins, a line each.

Reads recipes/ and the names in plugins/. Writes to the console.
"""

from rich.console import Console

from edgebake import plugins
from edgebake.plan import compose
from edgebake.recipe import files


def show(console: Console) -> None:
    """Print what recipes can name.

    Raises:
        RecipeError: recipes/release.yaml is wrong.
    """
    released = compose.compose_release().targets
    for target in files.targets():
        mark = "  (released)" if target in released else ""
        console.print(f"target    {target}{mark}")
    for group, options in files.groups().items():
        if group != files.TARGET:
            console.print(f"{group:9} {' '.join(options)}")
    for key, kind in plugins.KINDS.items():
        for name in plugins.of_project(key):
            console.print(f"plugin    {plugins.PROJECT}/{kind}/{name}  ({key})")
