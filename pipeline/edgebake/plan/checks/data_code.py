"""Decide whether checks of a recipe may run the code of its dataset (`data.source: python`).

A recipe of a stranger names a file to run. Verbs that only look at recipes run none: `check`,
`show`, `list`, `gate`, `plan --check`. Planning for a build runs it, to count examples and name
columns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from edgebake import plugins
from edgebake.recipe import Data

_is_allowed: ContextVar[bool] = ContextVar("_is_allowed", default=False)


@contextmanager
def allowed() -> Iterator[None]:
    """Let the checks in this block run the code of datasets."""
    token = _is_allowed.set(True)
    try:
        yield
    finally:
        _is_allowed.reset(token)


def is_withheld(data: Data) -> bool:
    """Return whether reading a dataset would run its code, and that is not allowed."""
    return runs_code(data) and not _is_allowed.get()


def runs_code(data: Data) -> bool:
    """Return whether a dataset is code."""
    source = plugins.load("data.source", data.source)
    return bool(getattr(source, "RUNS_CODE", False))
