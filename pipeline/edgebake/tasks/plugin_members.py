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
    missing = []
    for member in vars(interface):
        is_public = not member.startswith("_")
        if is_public and not hasattr(value, member):
            missing.append(member)
    if missing:
        (required,) = plugins.REQUIRED[key]
        folder = plugins.PROJECT_FOLDERS[key]
        raise RecipeError(
            f"{plugins.PROJECT}/{folder}/{name}: no {listed(missing)} in {required}; "
            "expected every member of "
            f"{interface.__module__}.{interface.__name__}"
        )
