"""Read columns of folders from the paths of images or sounds: `data.columns`.

A pattern is searched in the path below `data.path`, so it may read a part of the file's name or the
name of a folder.
"""

import re
from collections.abc import Sequence

from edgebake.data.readers.labels import preview
from edgebake.errors import DataError
from edgebake.recipe import Data
from edgebake.terminal.printable import printable


def find_problem(pattern: str) -> str:
    """Return what is wrong with a pattern, and what was expected; empty if nothing is."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        expected = "expected one, for example '(p[0-9]+)_'"
        return f"{pattern!r} is no regular expression ({error}); {expected}"
    if groups != 1:
        return f"{pattern!r} has {groups} groups; expected one in parentheses, the value"
    return ""


def read(data: Data, paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the value of each path, by column.

    Raises:
        DataError: a pattern is none, or does not match a path.
    """
    columns = {}
    for name, pattern in (data.columns or {}).items():
        problem = find_problem(pattern)
        if problem:
            raise DataError(f"data.columns.{name}: {problem}")
        columns[name] = _values(data, name, paths)
    return columns


def _values(data: Data, name: str, paths: Sequence[str]) -> list[str]:
    pattern = re.compile((data.columns or {})[name])
    values = []
    without = []
    for path in paths:
        match = pattern.search(path)
        if match is None or not match[1]:
            without.append(path)
        else:
            values.append(printable(match[1]))
    if without:
        raise DataError(
            f"{data.title}: data.columns.{name} has no value for {preview(without)}; "
            f"expected {pattern.pattern!r} to match the path of every file"
        )
    return values
