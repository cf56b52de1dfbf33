"""Escape text of a file, folder, board or bundle, so that it cannot imitate or hide output."""

import unicodedata

MAX_LENGTH = 500  # characters of one name or message of somebody else
# Categories of Unicode without a shape of their own: control characters, format characters (text
# direction, zero width), surrogates, private use, unassigned, line and paragraph separators.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: object, keep: str = "", max_length: int = MAX_LENGTH) -> str:
    r"""Return text in which every invisible character is escaped as in Python: `\x1b`, `\u202e`.

    Args:
        text: of any source; other objects are converted with `str`.
        keep: characters that stay as they are, for example line breaks.
        max_length: longer text is cut, and ends with `...`.
    """
    characters = str(text)
    is_cut = len(characters) > max_length
    escaped = "".join(_escaped(character, keep) for character in characters[:max_length])
    if is_cut:
        return f"{escaped}..."
    return escaped


def is_printable(text: str) -> bool:
    """Return whether no character of a text has to be escaped."""
    return not any(unicodedata.category(character) in INVISIBLE for character in text)


def _escaped(character: str, keep: str) -> str:
    if character in keep or unicodedata.category(character) not in INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
