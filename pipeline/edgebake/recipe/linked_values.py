"""Convert plain values that refer to others, `${train.epochs}`, to the dataclass of a stage."""

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from edgebake.errors import RecipeError
from edgebake.recipe.config_errors import translate


def resolve(dataclass: Any, values: Mapping[str, Any], location: str) -> Any:
    """Return an instance of a dataclass, with each reference replaced by the value it refers to.

    Args:
        dataclass: its type.
        values: nested mappings and lists.
        location: file and place in it, for messages.

    Raises:
        RecipeError: a value refers to one that is not there, or does not fit the dataclass.
    """
    schema = OmegaConf.structured(dataclass)
    try:
        return OmegaConf.to_object(OmegaConf.merge(schema, values))
    except OmegaConfBaseException as error:
        message = translate(error, (), default=location)
        raise RecipeError(str(message)) from None
