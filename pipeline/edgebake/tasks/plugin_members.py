"""Check that the object of a project's plugin has every member of its interface."""

from edgebake import plugins
from edgebake.errors import RecipeError, listed


def refuse_missing(key: str, name: str, value: object, interface: type) -> None:
    """Check the object of a plugin; one of edgebake's own is checked by its tests.

    Args:
        key: of the recipe, which names the plugin.
        name: of the plugin.
        value: its object, for example TASK.
        interface: the protocol with its members.

    Raises:
        RecipeError: a member is missing.
    """
    if name not in plugins.names_in_project(key):
        return
    members = [member for member in vars(interface) if not member.startswith("_")]
    missing = [member for member in members if not hasattr(value, member)]
    if missing:
        (required,) = plugins.REQUIRED[key]
        folder = f"{plugins.PROJECT}/{plugins.PROJECT_FOLDERS[key]}/{name}"
        raise RecipeError(
            f"{folder}: no {listed(missing)} in {required}; expected every member of "
            f"{interface.__module__}.{interface.__name__}"
        )
