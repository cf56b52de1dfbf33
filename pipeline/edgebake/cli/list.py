"""`edgebake list`: the targets, the options of every group and the project's plugins, a line each.

Reads recipes/ and the names in plugins/.
"""

import argparse

from rich.console import Console

from edgebake import plugins
from edgebake.cli.verbs import Example, Verb


def _run(_: argparse.Namespace, console: Console) -> int:
    from edgebake.plan import compose
    from edgebake.recipe import files

    released = compose.compose_release().targets
    for target in files.targets():
        mark = "  (released)" if target in released else ""
        console.print(f"target    {target}{mark}")
    for group, options in files.groups().items():
        if group != files.TARGET:
            console.print(f"{group:9} {' '.join(options)}")
    for key, kind in plugins.PROJECT_FOLDERS.items():
        for name in plugins.names_in_project(key):
            console.print(f"plugin    {plugins.PROJECT}/{kind}/{name}  ({key})")
    return 0


VERB = Verb(
    name="list",
    run=_run,
    summary="list the targets, the options of every group and the plugins",
    description=(
        "List the targets of recipes/target/, the options of every other group (the project's and "
        "those that come with edgebake) and the modules of plugins/. Targets that "
        "recipes/release.yaml names are marked."
    ),
    examples=(Example("edgebake list", "see which devices, schemes and budgets can be named"),),
)
