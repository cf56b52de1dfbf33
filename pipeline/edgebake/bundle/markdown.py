"""Write texts of recipes as Markdown that shows them literally."""

import re
from collections.abc import Iterable, Sequence

URL = re.compile(r"https?://[A-Za-z0-9./_~%#?=&+:@-]+")
# Characters that Markdown interprets. Those of HTML become entities, because some readers do not
# know `\<`.
ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "|": "&#124;",
    **{character: f"\\{character}" for character in "\\`*{}[]#!~$^"},
}
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # inside a word, it has no meaning
# At the start of a line: the mark of a list or of the underline of a heading.
BULLET = re.compile(r"^(?=[-+=:])")
NUMBERED = re.compile(r"^(\d+)(?=[.)])")


def escape_markdown(text: str) -> str:
    """Return a text of a recipe as one line of Markdown that shows it literally.

    It contains no markup, no HTML and no table cells.
    """
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    escaped = "".join(ESCAPES.get(character, character) for character in line)
    escaped = UNDERSCORE.sub(r"\_", escaped)
    escaped = BULLET.sub(r"\\", escaped)
    return NUMBERED.sub(r"\1\\", escaped)


def link(source: str) -> str:
    """Return the source of a component, as a link if it is one."""
    return f"<{source}>" if URL.fullmatch(source) else escape_markdown(source)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, after an empty one."""
    lines = [""]
    for cells in (header, ["---"] * len(header), *rows):
        lines.append(f"| {' | '.join(cells)} |")
    return lines
