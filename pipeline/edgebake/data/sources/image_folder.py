"""One folder of images per class: `cats/1.jpg`, `dogs/1.png`; the folder's name is the label.

Reads `data.path`. With `splits: { by: source }` those folders lie in one for each split: `train/cats/1.jpg`. A table,
if `data.table` names one, can say label and split instead, and more of each image. Classes and files are taken in the
order of their names.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import labels, tables
from edgebake.data.readers.decode import LazyImages, open_image_file
from edgebake.errors import DataError, nearest
from edgebake.recipe import Data, SplitBy

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples
    from edgebake.data.readers.tables import Row

TOOLS = ("pillow",)
WORDS = ("table",)
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
BESIDE = (".csv", ".json", ".md", ".txt", ".xml", ".yaml", ".yml")  # what people put beside images
NAMES_BESIDE = ("__MACOSX", "COPYING", "LICENSE", "NOTICE", "README", "Thumbs.db", "desktop.ini")
SPLIT_FOLDERS = "train, val, test (and calibration) folders, each with a folder for every class"


@dataclass(frozen=True)
class Found:
    """One image."""

    file: str  # path below data.path
    label: str
    split: str


@dataclass(frozen=True)
class Listing:
    """What lies in a folder and below it, as paths; what is hidden is left out."""

    images: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # folders with nothing in them that is looked at
    strange: list[str] = field(default_factory=list)  # files of other kinds


def count(data: Data) -> dict[str, int]:
    """Return how many images there are by the split that the folders or the table say, `""` for none.

    Raises:
        DataError: the folder is missing or not laid out as expected, or the table does not fit it.
    """
    return labels.counts(one.split for one in _found(data))


def columns(data: Data) -> list[str]:
    """Return the columns of the table that say neither image, label nor split; none where there is no table."""
    return tables.columns(data.location, data.table) if data.table else []


def load(data: Data) -> Examples:
    """Return every image of the folder, in its own size; none is decoded yet.

    Raises:
        DataError: the folder is missing or not laid out as expected, or the table does not fit it.
    """
    from edgebake.data.dataset import Examples

    found, folder = _found(data), data.location
    classes, numbers = labels.from_names(data, [one.label for one in found])
    rows = tables.rows(folder, data.table) if data.table else {}
    return Examples(
        images=LazyImages(
            len(found), lambda number: open_image_file(folder / found[number].file, data.color)
        ),
        labels=np.array(numbers, np.int64),
        classes=classes,
        columns={name: [rows[one.file].cells[name] for one in found] for name in columns(data)},
        names=[one.file for one in found],
        splits=[one.split for one in found],
    )


def _found(data: Data) -> list[Found]:
    folder = data.location
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one sub-folder of images per class")
    listing = Listing()
    try:
        _list(folder, "", listing, (os.path.realpath(folder),))
    except OSError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}; expected a folder that can be listed"
        ) from None
    _refuse_strange(folder, listing)
    rows = tables.rows(folder, data.table) if data.table else {}
    if data.table:
        tables.match(folder / data.table.file, rows, listing.images)
    found = (
        _by_table(data, listing, rows)
        if data.table and data.table.label
        else _by_folder(data, listing, rows)
    )
    labels.refuse_other_splits(data, {one.split for one in found}, SPLIT_FOLDERS)
    names = [one.label for one in found]
    labels.from_names(data, names)
    labels.refuse_unlearned(data, names, [one.split for one in found])
    return found


def _list(folder: Path, below: str, listing: Listing, above: tuple[str, ...]) -> None:
    """Sort what lies in a folder into a listing, in the order of names, deeper folders in the place of theirs."""
    with os.scandir(folder) as entries:
        held = sorted(
            (entry for entry in entries if _counts(entry.name)), key=lambda entry: entry.name
        )
    if not held:
        listing.empty.append(below)
    for entry in held:
        path, suffix = f"{below}/{entry.name}".lstrip("/"), Path(entry.name).suffix.lower()
        if suffix in SUFFIXES:
            listing.images.append(
                path
            )  # a folder of this name too: it is no image that can be read
        elif entry.is_dir():
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if real in above:
                raise DataError(
                    f"{entry.path}: a link to a folder that it lies in; expected images"
                )
            _list(Path(entry.path), path, listing, (*above, os.path.realpath(real)))
        else:
            listing.strange.append(path)


def _counts(name: str) -> bool:
    return not (name.startswith(".") or name in NAMES_BESIDE or name.lower().endswith(BESIDE))


def _refuse_strange(folder: Path, listing: Listing) -> None:
    if unwritable := [path for path in listing.images if not _is_text(path)]:
        raise DataError(
            f"{folder}: a name that is not UTF-8: {unwritable[0]!a}; expected another name"
        )
    if listing.strange:
        kinds: dict[str, list[str]] = defaultdict(list)
        for path in listing.strange:
            kinds[Path(path).suffix.lower() or "no suffix"].append(path)
        held = "; ".join(
            f"{len(paths)} with {kind} ({labels.few(paths)})"
            for kind, paths in sorted(kinds.items())
        )
        expected = f"expected {', '.join(SUFFIXES)}: convert or remove them"
        raise DataError(f"{folder}: files of other kinds: {held}; {expected}")
    if not listing.images:
        raise DataError(
            f"{folder}: no images; expected one sub-folder per class with {', '.join(SUFFIXES)} files"
        )


def _is_text(path: str) -> bool:
    return path.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in path)


def _by_table(data: Data, listing: Listing, rows: dict[str, Row]) -> list[Found]:
    """Return the images with the labels that the table says, wherever they lie."""
    _refuse_folders_of_splits(data, listing)
    found = []
    for file in listing.images:
        row = rows[file]
        found.append(Found(file, row.label, row.split or _split(data, file)))
    return found


def _by_folder(data: Data, listing: Listing, rows: dict[str, Row]) -> list[Found]:
    """Return the images with their folder's name as label, below a folder for the split if the folders say it."""
    says_split = data.splits.by is SplitBy.source and not (data.table and data.table.split)
    layout = "<split>/<class>/<image>" if says_split else "<class>/<image>"
    depth = layout.count("/")
    if not says_split:
        _refuse_folders_of_splits(data, listing)
    if high := [file for file in listing.images if file.count("/") < depth]:
        raise DataError(
            f"{data.title}: in no folder of a class: {labels.few(high)}; expected {layout}"
        )
    if deep := [file for file in listing.images if file.count("/") > depth]:
        raise DataError(
            f"{data.title}: folders in the folder of a class: {labels.few(deep)}; expected {layout}"
        )
    found = [
        Found(
            file,
            file.split("/")[-2],
            _split(data, file) if says_split else rows[file].split if rows else "",
        )
        for file in listing.images
    ]
    found.sort(key=lambda one: one.label)
    if not data.labels:
        _refuse_empty(data, listing, depth, {one.label for one in found})
    return found


def _split(data: Data, file: str) -> str:
    """Return the split that the first folder of a path names, if the recipe asks for it."""
    if data.splits.by is not SplitBy.source:
        return ""
    word, _, rest = file.partition("/")
    split = labels.split_of(word)
    if split is None or not rest:
        hint = nearest(word.lower(), labels.SPLITS)
        raise DataError(
            f"{data.title}: {word}: not a split, as `by: source` asks; expected {SPLIT_FOLDERS}{hint}"
        )
    return split


def _refuse_folders_of_splits(data: Data, listing: Listing) -> None:
    """Refuse to draw splits from a folder that has them, or to take their folders for classes."""
    top = sorted({file.partition("/")[0] for file in listing.images if "/" in file})
    if (
        data.splits.by is not SplitBy.source
        and len(top) > 1
        and all(labels.split_of(word) for word in top)
    ):
        held = ", ".join(f"{word}/" for word in top)
        raise DataError(
            f"{data.title}: its folders {held} are splits; expected `data.splits.by: source` for them"
        )


def _refuse_empty(data: Data, listing: Listing, depth: int, classes: set[str]) -> None:
    for path in listing.empty:
        name = path.split("/")[-1]
        if path.count("/") == depth - 1 and name not in classes:
            expected = f"expected {', '.join(SUFFIXES)} files of the class {name!r}"
            raise DataError(f"{data.location / path}: no images; {expected}")
