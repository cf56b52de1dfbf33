"""A parser to fuzz: small valid inputs, how they are changed, and how the parser is called."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from edgebake.errors import EdgebakeError
from tests.fuzz import mutations

Parse = Callable[[bytes, Path], object]
Mutate = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Target:
    """A parser that faces strangers.

    To add one, append it to `TARGETS` of a module here, one module for each family of parsers.
    """

    name: str
    # Valid inputs that are changed.
    seeds: Callable[[], list[bytes]]
    # Parse an input. The folder is empty at the first call, and kept for the next ones.
    parse: Parse
    # What a refusal raises; everything else is a failure.
    refusals: tuple[type[Exception], ...] = (EdgebakeError,)
    mutate: Mutate = mutations.change_bytes
    # edgebake calls it in a child process with limits: a crash or a hang of its library is refused.
    in_child: bool = False


def file_parser(name: str, parse: Callable[[Path], object]) -> Parse:
    """Return the parser of an input that has to be a file of a name."""

    def parse_file(data: bytes, folder: Path) -> object:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return parse(file)

    return parse_file
