"""Convert between plain values of YAML and the dataclasses of recipes and of stage parameters.

The conversions are those of OmegaConf, a hundred times as fast. Values that refer to others,
`${model.resolution}`, and missing ones, `???`, are left to OmegaConf.
"""

from collections.abc import Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from typing import Any, get_args, get_origin

from edgebake.recipe.field_types import BOOLEANS, keys_of, types_of, without_none
from edgebake.recipe.missing import MISSING


class ConversionError(ValueError):
    """A value that refers to another, is missing, or does not fit its type."""


def from_plain(dataclass: Any, values: Mapping[str, Any]) -> Any:
    """Return an instance of a dataclass with the given values, its defaults elsewhere.

    Raises:
        ConversionError: a value refers to another, is missing, or does not fit its type.
    """
    for key in values:
        if key not in keys_of(dataclass):
            raise ConversionError(f"{key}: unknown key")
    types = types_of(dataclass)
    converted: dict[str, Any] = {}
    for field in fields(dataclass):
        value = values[field.name] if field.name in values else _default(field)
        converted[field.name] = _convert(value, types[field.name], field.name)
    return dataclass(**converted)


def to_plain(value: Any) -> Any:
    """Return nested dataclasses as mappings, lists and scalars; a member of an Enum as its name."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {key: to_plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(child) for child in value]
    return value


def _default(field: Field[Any]) -> Any:
    """Return the default of a field, a dataclass as a mapping so that it is converted, too."""
    value = field.default
    if field.default_factory is not NO_DEFAULT:
        value = field.default_factory()
    if is_dataclass(value):
        return vars(value)
    return value


def _convert(value: Any, annotation: Any, key: str) -> Any:
    is_optional, of_value = without_none(annotation)
    if isinstance(value, str) and (value == MISSING or "${" in value):
        raise ConversionError(f"{key}: {value}")
    if value is None and (is_optional or of_value is Any):
        return None
    if is_dataclass(of_value):
        return _convert_mapping(value, of_value, key)
    origin = get_origin(of_value)
    if origin is list and isinstance(value, list):
        (of_element,) = get_args(of_value)
        return [_convert(element, of_element, key) for element in value]
    if origin is dict and isinstance(value, Mapping):
        _, of_entry = get_args(of_value)
        return {name: _convert(entry, of_entry, key) for name, entry in value.items()}
    if of_value is Any:
        return _convert_any(value, key)
    return _convert_scalar(value, of_value, key)


def _convert_mapping(value: Any, dataclass: Any, key: str) -> Any:
    if isinstance(value, dataclass):
        value = vars(value)
    if not isinstance(value, Mapping):
        raise ConversionError(f"{key}: no mapping")
    return from_plain(dataclass, value)


def _convert_any(value: Any, key: str) -> Any:
    """Return a copy of a value without a type; no text in it refers to another value."""
    if isinstance(value, list):
        return [_convert(element, Any, key) for element in value]
    if isinstance(value, Mapping):
        return {name: _convert(entry, Any, key) for name, entry in value.items()}
    return value


def _convert_scalar(value: Any, of_value: Any, key: str) -> Any:
    if get_origin(of_value) is not None:
        raise ConversionError(f"{key}: {value}")  # neither a list nor a mapping
    # A bool is an int, too; a boolean where a number or a text is expected is a mistake.
    if isinstance(value, bool) and of_value is not bool:
        raise ConversionError(f"{key}: {value}")
    if isinstance(value, of_value):
        return value
    try:
        if issubclass(of_value, Enum) and isinstance(value, str):
            return of_value[value]
        if of_value is bool and isinstance(value, str):
            return _boolean(value)
        if of_value in (int, float) and isinstance(value, str | int):
            return of_value(value)
        if of_value is str and isinstance(value, int):
            return str(value)
    except (KeyError, ValueError):
        raise ConversionError(f"{key}: {value}") from None
    raise ConversionError(f"{key}: {value}")


def _boolean(text: str) -> bool:
    """Return the boolean that a text stands for.

    Raises:
        KeyError: it stands for none.
    """
    return BOOLEANS[text.lower()]
