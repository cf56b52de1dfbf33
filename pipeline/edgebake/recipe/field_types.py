"""Check values of YAML against the dataclasses of recipes and of stage parameters.

OmegaConf checks the same when it merges files, but knows neither their names nor our words.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from edgebake.documents.strict_yaml import shown
from edgebake.errors import Problem, listed, nearest
from edgebake.recipe.missing import MISSING
from edgebake.recipe.quantize import WordOrWords
from edgebake.terminal.printable import printable

MAX_INTEGER = 2**63 - 1
MAX_TEXT = 100_000  # characters
# Texts that OmegaConf reads as a boolean; those without quotes are texts for strict_yaml.
BOOLEANS = {"false": False, "no": False, "off": False, "on": True, "true": True, "yes": True}
_REFERENCE = re.compile(r"\$\{[^{}]*\}")


def problems(value: object, annotation: Any, key: str) -> Iterator[Problem]:
    """Yield each value that does not fit its type.

    A value that is missing on purpose, `???`, and one that refers to another, `${train.epochs}`,
    fit every type: they are checked when a target is composed.

    Args:
        value: nested mappings, lists and scalars, as YAML has them.
        annotation: a dataclass, or the type of one of its fields.
        key: dotted key of the value; empty for a whole recipe.
    """
    optional, of_value = without_none(annotation)
    if annotation is WordOrWords:
        optional = True
        of_value = list[str] if isinstance(value, list) else str
    if value is None and optional:
        return
    if isinstance(value, str) and (value == MISSING or _REFERENCE.search(value)):
        return
    if is_dataclass(of_value):
        yield from _mapping_problems(value, of_value, key)
    elif get_origin(of_value) is list:
        yield from _list_problems(value, of_value, key)
    elif get_origin(of_value) is dict:
        yield from _dict_problems(value, of_value, key)
    else:
        expected = _expected_scalar(value, of_value)
        if expected:
            yield key, f"{shown(value)}; {_or_null(expected, optional)}"


def _or_null(expected: str, optional: bool) -> str:
    """Add null to the expected values, in front of the suggestion that may follow them."""
    if not optional:
        return expected
    values, semicolon, suggestion = expected.partition("; did you mean")
    return f"{values}, or null{semicolon}{suggestion}"


def missing(value: object, annotation: Any, key: str) -> Iterator[str]:
    """Yield the key of each field without a default that a value of the right type lacks."""
    if annotation is WordOrWords:
        return
    _, of_value = without_none(annotation)
    if isinstance(value, list):
        (of_element,) = get_args(of_value)
        for number, element in enumerate(value):
            yield from missing(element, of_element, f"{key}[{number}]")
    elif isinstance(value, Mapping) and get_origin(of_value) is dict:
        _, of_entry = get_args(of_value)
        for name, entry in value.items():
            yield from missing(entry, of_entry, f"{key}.{printable(name)}")
    elif isinstance(value, Mapping) and is_dataclass(of_value):
        types = types_of(of_value)  # type: ignore[arg-type]
        for field in fields(of_value):
            child_key = f"{key}.{field.name}" if key else field.name
            if field.name in value:
                yield from missing(value[field.name], types[field.name], child_key)
            elif field.default == MISSING:
                yield child_key


def type_at(annotation: Any, key: str) -> Any:
    """Return the type of a dotted key of a dataclass; None if it has no such key."""
    for name in key.split("."):
        _, annotation = without_none(annotation)
        if not is_dataclass(annotation) or name not in keys_of(annotation):
            return None
        annotation = types_of(annotation)[name]  # type: ignore[arg-type]
    return annotation


def keys_of(dataclass: Any) -> list[str]:
    """Return the names of the fields of a dataclass."""
    return [field.name for field in fields(dataclass)]


@cache
def types_of(dataclass: Any) -> dict[str, Any]:
    """Return the type of each field of a dataclass, by name."""
    return get_type_hints(dataclass)


def without_none(annotation: Any) -> tuple[bool, Any]:
    """Return whether null is allowed, and the type of other values."""
    if get_origin(annotation) is not UnionType:
        return False, annotation
    (of_value,) = (part for part in get_args(annotation) if part is not NoneType)
    return True, of_value


def _mapping_problems(value: object, dataclass: Any, key: str) -> Iterator[Problem]:
    known = keys_of(dataclass)
    if not isinstance(value, Mapping):
        where = "below it" if key else "at the top"
        yield key, f"{shown(value)}; expected the keys {listed(known)} {where}"
        return
    for name, child in value.items():
        child_key = f"{key}.{name}" if key else str(name)
        if name not in known:
            child_key = printable(child_key)
            yield child_key, f"unknown key; expected one of: {listed(known)}{nearest(name, known)}"
        else:
            yield from problems(child, types_of(dataclass)[name], child_key)


def _list_problems(value: object, annotation: Any, key: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        example = ""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            example = f", [{printable(value)}]"
        yield key, f"{shown(value)}; expected a list{example}"
        return
    (of_element,) = get_args(annotation)
    for number, element in enumerate(value):
        yield from problems(element, of_element, f"{key}[{number}]")


def _dict_problems(value: object, annotation: Any, key: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield key, f"{shown(value)}; expected a mapping"
        return
    _, of_entry = get_args(annotation)
    if of_entry is Any:  # options of a plugin, which knows their types
        return
    for name, entry in value.items():
        yield from problems(entry, of_entry, f"{key}.{printable(name)}")


def _expected_scalar(value: object, annotation: Any) -> str | None:
    """Return what was expected of a scalar; None if it fits."""
    if issubclass(annotation, Enum):
        return _expected_name(value, annotation)
    if annotation is bool:
        is_boolean = isinstance(value, bool) or str(value).lower() in BOOLEANS
        return None if is_boolean else "expected true or false"
    if annotation is int:
        return _expected_integer(value)
    if annotation is float:
        return _expected_number(value)
    if annotation is str:
        return _expected_text(value)
    raise TypeError(annotation)


def _expected_name(value: object, annotation: type[Enum]) -> str | None:
    names = list(annotation.__members__)
    if value in names:
        return None
    return f"expected one of: {listed(names)}{nearest(str(value), names)}"


def _expected_integer(value: object) -> str | None:
    number = value
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,40}", value):
        number = int(value)
    if not isinstance(number, int) or isinstance(number, bool):
        return "expected a whole number"
    if abs(number) > MAX_INTEGER:
        return f"expected a whole number of at most {MAX_INTEGER}"
    return None


def _expected_number(value: object) -> str | None:
    number: object = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return "expected a number"
    if not isinstance(number, int | float) or isinstance(number, bool):
        return "expected a number"
    if abs(number) > MAX_INTEGER or math.isnan(number):
        return "expected a finite number"
    return None


def _expected_text(value: object) -> str | None:
    if isinstance(value, float):
        # YAML reads 17.10 as the number 17.1.
        return "expected a text, in quotes"
    if isinstance(value, bool) or not isinstance(value, str | int):
        return "expected a text"
    if len(str(value)) > MAX_TEXT:
        return f"expected a text of at most {MAX_TEXT:,} characters"
    return None
