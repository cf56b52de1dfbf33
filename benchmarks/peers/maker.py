"""What every tool is asked for: the file of one runtime in one scheme, of a model that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers.subject import Subject

EDGEBAKE = "edgebake"


@dataclass(frozen=True)
class Built:
    """A file, and the seconds of making it that are not the tool's: to start a process and to import in it."""

    files: dict[str, bytes]
    uncounted: float = 0.0


@dataclass(frozen=True)
class Maker:
    """One tool's way to make one file."""

    who: str
    way: str  # the option of recipes/quantize/, or the tool's own word
    runtime: str
    scheme: str  # of edgebake: files of one scheme and runtime are held against each other
    build: Callable[[Subject], Built]

    @property
    def is_ours(self) -> bool:
        """Return whether edgebake is the tool."""
        return self.who == EDGEBAKE
