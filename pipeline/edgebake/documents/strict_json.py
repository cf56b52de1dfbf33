"""Parse JSON of strangers: bounded in size and depth, and with one meaning only."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 64  # levels of objects and lists inside each other
# Commas and opening brackets: they bound the memory of the parsed value, which is up to 75 times
# that of the text.
MAX_STRUCTURE = 1_000_000
STRUCTURE = (b",", b"[", b"{")
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class StrictJsonError(ValueError):
    """JSON that strict_json refuses; the message says why, without the name of the file."""


def parse(data: bytes, max_bytes: int, only_finite: bool = True) -> Any:
    """Return the value of a JSON document in UTF-8 (RFC 8259).

    Args:
        data: the document.
        max_bytes: that it may have.
        only_finite: refuses NaN and infinities, which Python writes though JSON has none.

    Raises:
        StrictJsonError: it is larger than `max_bytes`, not UTF-8 without a byte order mark, not
            JSON, nested deeper than MAX_DEPTH, or it holds NaN, an infinity, a number that is too
            large, a key twice in one object, or more values than MAX_STRUCTURE allows.
    """
    if len(data) > max_bytes:
        raise StrictJsonError(f"{len(data):,} bytes; expected at most {max_bytes:,}")
    structure = sum(data.count(character) for character in STRUCTURE)
    if structure > MAX_STRUCTURE:
        raise StrictJsonError(
            f"{structure:,} commas and brackets; expected at most {MAX_STRUCTURE:,}"
        )
    if data.startswith(BYTE_ORDER_MARKS):
        raise StrictJsonError("begins with a byte order mark; expected plain UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"not UTF-8 at byte {error.start}; expected plain UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_refuse_repeated_keys,
            parse_constant=_refuse_constant if only_finite else None,
            parse_float=_finite,
        )
    except RecursionError:
        raise StrictJsonError(_depth_message()) from None
    except StrictJsonError:
        raise
    except ValueError as error:
        raise StrictJsonError(f"not valid JSON: {error}") from None
    _refuse_depth(value)
    return value


def _refuse_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise StrictJsonError("a key is repeated in one object; expected each key once")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"the number {name}; expected finite numbers")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise StrictJsonError(f"the number {digits[:40]}; expected finite numbers")
    return number


def _refuse_depth(value: object) -> None:
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        children: list[object] = []
        for node in level:
            children += node.values() if isinstance(node, dict) else node
        level = _containers(children)
    if level:
        raise StrictJsonError(_depth_message())


def _containers(values: list[object]) -> list[dict[str, object] | list[object]]:
    return [value for value in values if isinstance(value, dict | list)]


def _depth_message() -> str:
    return f"nested deeper than {MAX_DEPTH} levels; expected fewer"
