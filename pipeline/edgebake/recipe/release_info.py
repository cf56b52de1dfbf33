"""Description of a release that is written into the metadata of model files."""

from dataclasses import dataclass

from edgebake.recipe.missing import MISSING


@dataclass
class ReleaseInfo:
    """Fields of recipes/release.yaml that a model file carries."""

    # Name of the model.
    name: str = MISSING
    # Semantic version of the release.
    version: str = MISSING
    # Author or organization.
    author: str = MISSING
    # License of the model as an SPDX expression.
    license: str = MISSING
    # Description of the model in one sentence.
    description: str = MISSING
