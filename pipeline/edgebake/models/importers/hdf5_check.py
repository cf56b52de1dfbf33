"""Walk an HDF5 file of a stranger: each object once, and none that lies in another file.

HDF5 lets a group hold links to any group, itself included, so 30 groups can have 2^30 paths; and it
lets a dataset of 1 TB take no bytes in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from edgebake.errors import ModelError
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

MAX_DEPTH = 64  # groups inside each other
# All datasets may have so many bytes, or so many times the size of the file.
MAX_BYTES = 256 * 2**20
MAX_RATIO = 100


class Entry(NamedTuple):
    """A dataset of a file."""

    path: str
    dataset: h5py.Dataset


def check(store: h5py.File, file: str) -> None:
    """Check all objects of an open file, whose name in messages is `file`.

    Raises:
        ModelError: as `datasets`.
    """
    for _ in datasets(store, file):
        pass


def datasets(store: h5py.File, file: str) -> Iterator[Entry]:
    """Yield all datasets of an open file, whose name in messages is `file`.

    Raises:
        ModelError: the file holds a link to another place or file, an object with two names, groups
            that are too deep, or datasets that are larger than a file of its size can be.
    """
    import h5py

    addresses = {_address(store)}
    limit = max(MAX_BYTES, MAX_RATIO * store.id.get_filesize())
    size = 0
    groups: list[tuple[str, h5py.Group, int]] = [("", store, 0)]
    while groups:
        path, group, depth = groups.pop()
        if depth > MAX_DEPTH:
            raise ModelError(
                f"{file}: its groups are nested deeper than {MAX_DEPTH}; expected fewer levels"
            )
        for key in group:
            child_path = f"{path}/{printable(key)}"
            if isinstance(key, bytes):  # h5py could not decode it
                raise ModelError(f"{file}: the name {child_path} is not UTF-8; expected UTF-8")
            child = _child(group, key, child_path, file)
            address = _address(child)
            if address in addresses:
                raise ModelError(
                    f"{file}: {child_path} has a second name in the file; expected one for each "
                    "group and dataset"
                )
            addresses.add(address)
            if isinstance(child, h5py.Group):
                groups.append((child_path, child, depth + 1))
                continue
            size += (child.size or 0) * child.dtype.itemsize
            if size > limit:
                raise ModelError(
                    f"{file}: its datasets have {size:,} bytes or more in a file of "
                    f"{store.id.get_filesize():,}; expected the weights themselves"
                )
            yield Entry(child_path, child)


def _child(group: h5py.Group, key: str, path: str, file: str) -> h5py.Group | h5py.Dataset:
    import h5py

    link = group.get(key, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise ModelError(
            f"{file}: {path} is a {type(link).__name__}; expected weights in the file itself"
        )
    child = group[key]
    if not isinstance(child, h5py.Group | h5py.Dataset):
        raise ModelError(
            f"{file}: {path} is a {type(child).__name__}; expected groups and datasets"
        )
    if isinstance(child, h5py.Dataset) and (child.external or child.is_virtual):
        raise ModelError(
            f"{file}: {path} lies in another file; expected weights in the file itself"
        )
    return child


def _address(item: h5py.Group | h5py.Dataset) -> int:
    import h5py

    return int(h5py.h5o.get_info(item.id).addr)
