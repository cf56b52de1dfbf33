"""Write author, license, version and what its inputs are into a Core ML model's description.

Labels, scale and bias of a classifier of images are part of the program, whose input is an image
and whose output a label. All other programs take and return arrays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.tasks.contract import Contract
from edgebake.tasks.inputs.interface import load_input

if TYPE_CHECKING:
    from coremltools.models import MLModel


def attach(model: MLModel, contract: Contract, about: ReleaseInfo) -> None:
    """Set the model's metadata, which Xcode and MLModelDescription show."""
    model.author = about.author
    model.license = about.license
    model.version = about.version
    model.short_description = f"{about.name}: {about.description}"
    if contract.is_image_classifier:
        model.user_defined_metadata["resize"] = contract.image.resize_description
        return
    for spec in contract.inputs:
        model.input_description[spec.name] = load_input(spec.kind).describe(spec)
    for output in contract.outputs:
        model.output_description[output.name] = output.meaning
    if contract.labels:
        model.user_defined_metadata["labels"] = json.dumps(contract.labels)
