"""Names of examples in tables and golden vectors, by which a person finds the image again.

Golden vectors leave the machine in a bundle; no name may tell where the dataset lies on it.
"""

from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

FILE_URL = "file://"


def share(examples: "Examples", data: Data) -> "Examples":
    """Return the examples with shareable names; examples without names get their numbers."""
    names = examples.names or [""] * len(examples.labels)
    shown = []
    for number, name in enumerate(names):
        shown.append(shareable(name, number, data.path))
    return replace(examples, names=shown)


def shareable(name: str, number: int, folder: str | None) -> str:
    """Return the name of an example without the place of the dataset.

    A path below the dataset's folder becomes relative to it. Of another absolute path, the file
    name and the number are left.

    Args:
        name: by the data source; "" if it gives none.
        number: of the example, from 0.
        folder: the dataset's path; None if it is not a file of the project.
    """
    if not name:
        return f"example {number}"
    path = _absolute_path(name)
    if path is None:
        return name
    if folder is not None:
        for root in (Path.cwd() / folder, Path(folder).resolve()):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
    return f"{path.name} (example {number})"


def _absolute_path(name: str) -> PurePath | None:
    """Return a name as a path if it is an absolute one, of any operating system, or a file URL."""
    text = name.removeprefix(FILE_URL)
    if PurePosixPath(text).is_absolute() or text.startswith("~"):
        return PurePosixPath(text)
    windows = PureWindowsPath(text)
    if windows.root:
        return windows
    return None
