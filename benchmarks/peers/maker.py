"""The interface of a tool: it makes a file for one runtime, in one scheme, of a shared model."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers.subject import Subject

EDGEBAKE = "edgebake"


@dataclass(frozen=True)
class Built:
    """A file, and the seconds of its build that do not count: process start and imports."""

    files: dict[str, bytes]
    uncounted: float = 0.0


@dataclass(frozen=True)
class Maker:
    """One tool with one set of options. It makes one file of a model."""

    tool: str
    method: str  # the option of recipes/quantize/, or the tool's own name of it
    runtime: str
    scheme: str  # of edgebake; files of one scheme and runtime are compared
    build: Callable[[Subject], Built]

    @property
    def is_ours(self) -> bool:
        """Return whether edgebake is the tool."""
        return self.tool == EDGEBAKE

    @property
    def label(self) -> str:
        """Return the tool and its method."""
        return f"{self.tool} {self.method}"
