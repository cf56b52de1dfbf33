"""Read numbers and references to layers from any part of a Keras config."""

from collections.abc import Iterable

LARGEST = 1e30  # absolute value of a constant of preprocessing


def numbers(value: object) -> tuple[float, ...]:
    """Return the numbers in a value, an array of Keras, or a list of them at any depth."""
    if isinstance(value, dict):
        config = value.get("config")
        stored = value.get("value")
        if isinstance(config, dict):
            stored = config.get("value", stored)
        return numbers(stored)
    if isinstance(value, list):
        collected: list[float] = []
        for child in value:
            collected += numbers(child)
        return tuple(collected)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ()
    if not -LARGEST <= value <= LARGEST:  # NaN as well
        return ()
    return (float(value),)


def references(value: object) -> list[str]:
    """Return the names of the layers that a part of a config refers to, in order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _history(value.get("config"))
        return _references_in(value.values())
    if not isinstance(value, list):
        return []
    if len(value) in (3, 4):
        name, call, output = value[:3]
        if isinstance(name, str) and isinstance(call, int) and isinstance(output, int):
            return [name]
    return _references_in(value)


def _history(config: object) -> list[str]:
    """Return the layer that a tensor of Keras 3 comes from."""
    history = config.get("keras_history") if isinstance(config, dict) else None
    if isinstance(history, list) and history and isinstance(history[0], str):
        return [history[0]]
    return []


def _references_in(values: Iterable[object]) -> list[str]:
    names = []
    for value in values:
        names += references(value)
    return names


def first_reference(value: object) -> str | None:
    """Return the first name that a part of a config refers to; None if it refers to none."""
    names = references(value)
    return next(iter(names), None)
