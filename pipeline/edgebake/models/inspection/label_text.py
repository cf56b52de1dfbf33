"""Parse class names in a model's metadata: a list or a mapping, as JSON or as a Python literal.

Ultralytics writes `{0: 'cat', 1: 'dog'}`. `ast.literal_eval` would parse any expression: nested
brackets exhaust the parser, and `1+1j+1j` is computed.
"""

import re

from edgebake.documents import strict_json

MAX_BYTES = 2**20
# A text in single or double quotes.
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_LIST_ITEM = re.compile(rf"\s*({_TEXT})\s*(,|\])", re.DOTALL)
_MAPPING_ITEM = re.compile(rf"\s*(?:-?\d{{1,9}}|{_TEXT})\s*:\s*({_TEXT})\s*(,|\}})", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def parse(text: str) -> tuple[str, ...]:
    """Return the class names in a text; none if it is no list or mapping of texts."""
    if len(text) > MAX_BYTES:
        return ()
    try:
        names = _from_json(text)
    except (strict_json.StrictJsonError, UnicodeEncodeError):
        names = _from_literal(text.strip())
    return tuple(names)


def _from_json(text: str) -> list[str]:
    value = strict_json.parse(text.encode(), 4 * MAX_BYTES)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    return []


def _from_literal(text: str) -> list[str]:
    item = _LIST_ITEM
    if text[:1] == "{":
        item = _MAPPING_ITEM
    elif text[:1] != "[":
        return []
    names: list[str] = []
    position = 1
    while position < len(text):
        match = item.match(text, position)
        if match is None:
            is_end = names and text[position:].strip() == text[-1]  # after a trailing comma
            return names if is_end else []
        quoted, separator = match.groups()
        names.append(_ESCAPE.sub(_unescaped, quoted[1:-1]))
        position = match.end()
        if separator != ",":
            return names if position == len(text) else []
    return []


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)
