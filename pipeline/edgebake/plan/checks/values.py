"""Read values of recipes by their dotted keys."""

from typing import Any


def value_at(options: object, key: str) -> Any:
    """Return the value of a dotted key; None below a group that is null."""
    value: Any = options
    for name in key.split("."):
        value = getattr(value, name, None)
    return value
