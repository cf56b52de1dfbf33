"""Check that a value of JSON has the type that its reader relies on."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints
from typing import is_typeddict as is_typed_dict

from edgebake.terminal.printable import printable

_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}


def problem(value: object, annotation: Any) -> str | None:
    """Return the first part of a value that does not fit; None if all fits.

    Args:
        value: nested mappings, lists and scalars, as JSON has them.
        annotation: `Any`, a scalar type, `list[...]`, `dict[str, ...]`, a union, a `TypedDict`,
            which may have more keys, or a dataclass, which may not.
    """
    return next(_problems(value, annotation, ""), None)


def _problems(value: object, annotation: Any, key: str) -> Iterator[str]:
    if annotation is Any or annotation is object:
        return
    origin = get_origin(annotation)
    if origin in (Required, NotRequired):
        yield from _problems(value, get_args(annotation)[0], key)
    elif origin in (UnionType, Union):
        yield from _union_problems(value, annotation, key)
    elif origin is list or annotation is list:
        yield from _list_problems(value, annotation, key)
    elif origin is dict or annotation is dict:
        yield from _dict_problems(value, annotation, key)
    elif is_typed_dict(annotation) or is_dataclass(annotation):
        yield from _record_problems(value, annotation, key)
    elif not _is_scalar(value, annotation):
        yield _message(key, value, _NAMES[annotation])


def _union_problems(value: object, annotation: Any, key: str) -> Iterator[str]:
    parts = get_args(annotation)
    for part in parts:
        if next(_problems(value, part, key), None) is None:
            return
    others = [part for part in parts if part is not NoneType]
    yield from _problems(value, others[0], key)


def _list_problems(value: object, annotation: Any, key: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield _message(key, value, "a list")
        return
    (of_element,) = get_args(annotation) or (Any,)
    if _are_scalars(value, of_element):
        return
    for number, element in enumerate(value):
        yield from _problems(element, of_element, f"{key}[{number}]")


def _dict_problems(value: object, annotation: Any, key: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _message(key, value, "a mapping")
        return
    _, of_entry = get_args(annotation) or (str, Any)
    for name, entry in value.items():
        yield from _problems(entry, of_entry, _join(key, name))


def _record_problems(value: object, record: Any, key: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _message(key, value, "a mapping")
        return
    types = _types_of(record)
    for name in _required(record):
        if name not in value:
            yield f"{_join(key, name)}: missing"
    for name, child in value.items():
        if name in types:
            yield from _problems(child, types[name], _join(key, name))
        elif is_dataclass(record):
            yield f"{_join(key, name)}: unknown key"


@cache
def _types_of(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def _required(record: Any) -> list[str]:
    if is_typed_dict(record):
        return sorted(record.__required_keys__)
    required: list[str] = []
    for field in fields(record):
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(field.name)
    return required


def _are_scalars(values: list[object], annotation: Any) -> bool:
    """Return whether all values are of one scalar type; one look at each, for long lists."""
    return annotation in _NAMES and set(map(type, values)) <= {annotation}


def _is_scalar(value: object, annotation: Any) -> bool:
    if annotation is float:
        annotation = (int, float)
    return isinstance(value, annotation) and (isinstance(value, bool) == (annotation is bool))


def _join(key: str, name: object) -> str:
    name = printable(name, max_length=80)
    return f"{key}.{name}" if key else name


def _message(key: str, value: object, expected: str) -> str:
    shown = "a mapping" if isinstance(value, dict) else printable(repr(value), max_length=40)
    if value is None or isinstance(value, bool):
        shown = {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        shown = "a list"
    text = f"{shown}; expected {expected}"
    return f"{key}: {text}" if key else text
