"""The networks for images that edgebake builds itself."""

from edgebake import plugins
from edgebake.plan.checks.model import IMPORT

KEY = "model.architecture"


def _takes_images(name: str) -> bool:
    """Return whether a network takes images, as those do that name no kind of input."""
    kinds = getattr(plugins.load(KEY, name), "KINDS", ("image",))
    return "image" in kinds


NAMES = [name for name in plugins.options(KEY) if name != IMPORT and _takes_images(name)]
