"""Put author, licence, version and the resize method into a Core ML model's description.

Labels, scale and bias are part of the program itself: it takes an image and answers with a label.
"""

from typing import Any

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.tasks.contract import Contract


def attach(package: Any, contract: Contract, about: ReleaseInfo) -> None:
    """Write into the model's own metadata, as Xcode and MLModelDescription show it."""
    package.author = about.author
    package.license = about.license
    package.version = about.version
    package.short_description = f"{about.name}: {about.description}"
    package.user_defined_metadata["resize"] = contract.resize
