"""Print text whose names come from files, folders, devices and bundles of others.

The only console of edgebake: it escapes whatever is printed, so that no name can move the cursor,
change the title of the window, reverse the direction of text or hide a line. A name that could
hold a line break is escaped by `printable` where it enters a message.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from edgebake.terminal.printable import printable

KEPT = "\n\t"  # of texts of edgebake, which have several lines


class Terminal(Console):
    """A console of rich that escapes invisible characters and reads no markup in texts."""

    def __init__(self, file: TextIO | None = None, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "highlight": False,
            "soft_wrap": True,
            "markup": False,
            "emoji": False,
        }
        super().__init__(file=file, **{**defaults, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text with its invisible characters escaped, before it is measured."""
        return super().render_str(escape(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable, escaped; rich's own control codes stay."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(escape(segment.text), segment.style)


class ArgumentParser(argparse.ArgumentParser):
    """A parser of arguments whose errors repeat an argument escaped."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and a message, and exit with code 2."""
        super().error(escape(message))


def escape(text: str) -> str:
    """Return text in which all invisible characters but line breaks and tabs are escaped."""
    if text.isprintable():
        return text
    return printable(text, keep=KEPT, max_length=len(text))


def write_line(text: str) -> None:
    """Write a line to stderr."""
    with suppress(OSError):  # of a terminal that was closed
        sys.stderr.write(f"{escape(text)}\n")
        sys.stderr.flush()


def accept_all_characters() -> None:
    """Escape characters that the encoding of stdout and stderr lacks, instead of failing."""
    for stream in _streams():
        stream.reconfigure(errors="backslashreplace")


def _streams() -> Iterator[Any]:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            yield stream
