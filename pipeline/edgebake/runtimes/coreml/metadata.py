"""Write author, license, version and resize method into a Core ML model's description.

Labels, scale and bias are part of the program, whose input is an image and whose output a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.tasks.contract import Contract

if TYPE_CHECKING:
    from coremltools.models import MLModel


def attach(model: MLModel, contract: Contract, about: ReleaseInfo) -> None:
    """Set the model's metadata, which Xcode and MLModelDescription show."""
    model.author = about.author
    model.license = about.license
    model.version = about.version
    model.short_description = f"{about.name}: {about.description}"
    model.user_defined_metadata["resize"] = contract.image.resize_description
