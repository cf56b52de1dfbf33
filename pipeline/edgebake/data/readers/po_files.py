"""Read the messages of a .po file of GNU gettext: texts and their translations.

Source: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edgebake.errors import DataError

FIELD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s+(".*")$')
MAX_FILE = 16 << 20  # bytes


class Message(NamedTuple):
    """A text and its translation; of a plural, the form of its first number."""

    text: str
    translation: str


def read(file: Path) -> list[Message]:
    """Return the translated messages of a file, without fuzzy and obsolete ones.

    Raises:
        DataError: the file is too large, or is no .po file in UTF-8.
    """
    size = file.stat().st_size
    if size > MAX_FILE:
        raise DataError(f"{file}: {size:,} bytes; expected at most {MAX_FILE:,}")
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8; expected a .po file in UTF-8") from None
    messages = []
    for fields in _entries(file, text.splitlines()):
        translation = fields.get("msgstr") or fields.get("msgstr[0]")
        if fields.get("msgid") and translation and "fuzzy" not in fields:
            messages.append(Message(fields["msgid"], translation))
    return messages


def _entries(file: Path, lines: list[str]) -> Iterator[dict[str, str]]:
    """Yield the fields of each entry; `fuzzy` is one of an entry with that flag."""
    fields: dict[str, str] = {}
    key = ""
    for number, line in enumerate(lines, start=1):
        is_flags = line.startswith("#,")
        starts_entry = is_flags or line.startswith(("msgctxt ", "msgid "))
        if starts_entry and "msgstr" in "".join(fields):
            yield fields
            fields = {}
            key = ""
        if is_flags and "fuzzy" in line:
            fields["fuzzy"] = ""
        if not line.strip() or line.startswith("#"):
            continue
        match = FIELD.match(line.strip())
        if match:
            key, literal = match.groups()
            fields[key] = _unquote(file, number, literal)
        elif line.startswith('"') and key:
            fields[key] += _unquote(file, number, line.strip())
        else:
            raise DataError(f"{file}: line {number} is neither a field nor a text; expected .po")
    yield fields


def _unquote(file: Path, number: int, literal: str) -> str:
    """Return the text of a literal with C's escapes, which Python shares."""
    try:
        text = ast.literal_eval(literal)
    except (MemoryError, RecursionError, SyntaxError, ValueError):  # literal_eval raises all four
        raise DataError(f"{file}: line {number} holds no text; expected .po") from None
    return str(text)
