"""Check the names of classes: `labels.txt` of a bundle has one line for each.

Free of NumPy, since the planner uses it too.
"""

import unicodedata
from collections.abc import Sequence

from edgebake.errors import DataError
from edgebake.terminal.printable import is_printable, printable

MAX_LENGTH = 200  # characters


def check(place: str, names: Sequence[str]) -> None:
    """Check that each name is one visible line, and that no two are the same text.

    Args:
        place: where the names come from, for messages.
        names: of the classes, each once.

    Raises:
        DataError: a name cannot be a line of `labels.txt`, or two would be the same line.
    """
    by_text: dict[str, str] = {}
    for name in names:
        problem = _problem(name)
        if problem:
            shown = printable(name, max_length=MAX_LENGTH)
            raise DataError(f"{place}: the class '{shown}' {problem}")
        text = unicodedata.normalize("NFC", name)
        if text in by_text and by_text[text] != name:
            raise DataError(
                f"{place}: the classes {by_text[text]!a} and {name!a} are the same text in another "
                "Unicode form; expected different names"
            )
        by_text[text] = name


def _problem(name: str) -> str:
    """Return what is wrong with a name, and what was expected; empty if nothing is."""
    if not name.strip():
        return "has no visible characters; expected a name"
    if not is_printable(name):
        return "has an invisible character; expected visible text in one line"
    if name != name.strip():
        return "begins or ends with a space; expected none there"
    if len(name) > MAX_LENGTH:
        return f"has {len(name):,} characters; expected at most {MAX_LENGTH}"
    return ""
