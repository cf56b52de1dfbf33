"""Escape text of a file, folder, board or bundle, so that it cannot imitate or hide output."""

import unicodedata

MAX_LENGTH = 500  # characters of one name or message of somebody else
# Categories of Unicode without a shape of their own: control characters, format characters (text
# direction, zero width), surrogates, private use, unassigned, line and paragraph separators.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and symbols that look like a space: fillers of Hangul, and Braille without dots.
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def printable(text: object, keep: str = "", max_length: int = MAX_LENGTH) -> str:
    r"""Return text in which every invisible character is escaped as in Python: `\x1b`, `\u202e`.

    Args:
        text: of any source; other objects are converted with `str`.
        keep: characters that stay as they are, for example line breaks.
        max_length: longer text is cut, and ends with `...`.
    """
    characters = str(text)
    is_cut = len(characters) > max_length
    escaped = characters[:max_length]
    if not (escaped.isascii() and escaped.isprintable()):  # nearly all text needs no escape
        escaped = "".join(_escaped(character, keep) for character in escaped)
    if is_cut:
        return f"{escaped}..."
    return escaped


def is_printable(text: str) -> bool:
    """Return whether no character of a text has to be escaped."""
    return not any(_is_invisible(character) for character in text)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in INVISIBLE or character in BLANK


def _escaped(character: str, keep: str) -> str:
    if character in keep or not _is_invisible(character):
        return character
    return character.encode("unicode_escape").decode("ascii")
