"""A folder of images, with a folder for each class: `cats/1.jpg`, `dogs/1.png`.

Reads `data.path`. With `splits: { by: source }`, the folders of the classes are in a folder for
each split: `train/cats/1.jpg`. A table, if `data.table` names one, can give label, split and
further columns instead. `data.columns` reads columns from the paths; images may then be in
sub-folders of a class: `cats/ann/1.jpg`. Classes and files are sorted by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import labels, path_columns, tables
from edgebake.data.readers.decode import LazyImages, open_image_file
from edgebake.data.readers.folder import SUFFIXES, FolderContent, list_images
from edgebake.errors import DataError, nearest
from edgebake.recipe import Data, SplitBy
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from PIL.Image import Image

    from edgebake.data.dataset import Examples
    from edgebake.data.readers.tables import Row

TOOLS = ("pillow",)
WORDS = ("table", "columns")
LISTS_LABELS = True
SPLIT_FOLDERS = "train, val, test (and calibration) folders, each with a folder for every class"


@dataclass(frozen=True)
class ImageFile:
    """One image of the dataset."""

    path: str  # below data.path
    label: str
    split: str  # by the source, "" for none


def count(data: Data) -> dict[str, int]:
    """Return the number of images by the split of their folder or of the table, `""` for none.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    return labels.count_by_split(image.split for image in _find_images(data))


def columns(data: Data) -> list[str]:
    """Return the columns of the table other than image, label and split, and `data.columns`.

    Raises:
        DataError: the table cannot be read, or has a column of the same name.
    """
    from_paths = list(data.columns or {})
    if data.table is None:
        return from_paths
    from_table = tables.read_columns(data.location, data.table)
    for name in from_paths:
        if name in from_table:
            raise DataError(
                f"data.columns.{name}: {data.table.file} has a column {name!r}; "
                "expected another name"
            )
    return [*from_table, *from_paths]


def load(data: Data) -> Examples:
    """Return every image of the folder, in its own size; none is decoded yet.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    from edgebake.data.dataset import Examples

    folder = data.location
    images = _find_images(data)
    classes, indices = labels.encode_names(data, [image.label for image in images])
    rows = _read_table(data)
    cells = path_columns.read(data, [image.path for image in images])
    for column in columns(data):
        if column not in cells:
            cells[column] = [printable(rows[image.path].cells[column]) for image in images]

    def read(index: int) -> Image:
        return open_image_file(folder / images[index].path, data.image_color, data.max_megapixels)

    return Examples(
        images=LazyImages(len(images), read),
        labels=np.array(indices, np.int64),
        classes=classes,
        columns=cells,
        names=[image.path for image in images],
        splits=[image.split for image in images],
        left_out=_left_out(data),
    )


def _left_out(data: Data) -> list[str]:
    """Return the files and folders that are neither images nor named by the recipe."""
    recipe_files = {Path(str(data.labels))}
    if data.table:
        recipe_files.add(data.location / data.table.file)
    content = list_images(data.location)
    return [path for path in content.left_out if data.location / path not in recipe_files]


def _read_table(data: Data) -> dict[str, Row]:
    """Return the row of each image; empty if the recipe names no table."""
    if data.table is None:
        return {}
    return tables.read_rows(data.location, data.table)


def _find_images(data: Data) -> list[ImageFile]:
    content = list_images(data.location)
    rows = _read_table(data)
    if data.table:
        tables.check_rows(data.location / data.table.file, rows, content.images)
    if data.table and data.table.label:
        images = _label_by_table(data, content, rows)
    else:
        images = _label_by_folder(data, content, rows)
    names = [image.label for image in images]
    splits = [image.split for image in images]
    labels.check_splits(data, set(splits), SPLIT_FOLDERS)
    labels.encode_names(data, names)  # refuses unknown names
    labels.refuse_untrained_classes(data, names, splits)
    path_columns.read(data, [image.path for image in images])  # refuses paths without a value
    return images


def _label_by_table(data: Data, content: FolderContent, rows: dict[str, Row]) -> list[ImageFile]:
    """Return the images with the labels of the table, in whichever folder they are."""
    _refuse_split_folders(data, content)
    images = []
    for path in content.images:
        row = rows[path]
        images.append(ImageFile(path, row.label, row.split or _split_of_path(data, path)))
    return images


def _label_by_folder(data: Data, content: FolderContent, rows: dict[str, Row]) -> list[ImageFile]:
    """Return the images with the names of their folders as labels, sorted by label."""
    has_split_column = data.table is not None and data.table.split is not None
    has_split_folders = data.splits.by is SplitBy.source and not has_split_column
    layout = "<class>/<image>"
    if has_split_folders:
        layout = "<split>/<class>/<image>"
    else:
        _refuse_split_folders(data, content)
    _refuse_other_depths(data, content, layout)
    images = []
    for path in content.images:
        split = ""
        if has_split_folders:
            split = _split_of_path(data, path)
        elif rows:
            split = rows[path].split
        label = path.split("/")[layout.count("/") - 1]
        images.append(ImageFile(path, label, split))
    images.sort(key=lambda image: image.label)
    if not data.labels:
        classes = {image.label for image in images}
        _refuse_empty_classes(data, content, layout.count("/"), classes)
    return images


def _refuse_other_depths(data: Data, content: FolderContent, layout: str) -> None:
    depth = layout.count("/")
    too_high = [path for path in content.images if path.count("/") < depth]
    if too_high:
        raise DataError(
            f"{data.title}: not in the folder of a class: {labels.preview(too_high)}; "
            f"expected {layout}"
        )
    too_deep = [path for path in content.images if path.count("/") > depth]
    if too_deep and not data.columns:
        raise DataError(
            f"{data.title}: sub-folders in the folder of a class: {labels.preview(too_deep)}; "
            f"expected {layout}"
        )


def _split_of_path(data: Data, path: str) -> str:
    """Return the split that the first folder of a path names; "" unless the recipe asks for it."""
    if data.splits.by is not SplitBy.source:
        return ""
    folder, _, rest = path.partition("/")
    split = labels.parse_split(folder)
    if split is None or not rest:
        hint = nearest(folder.lower(), labels.SPLITS)
        raise DataError(
            f"{data.title}: {folder}: not a split, which `by: source` requires; "
            f"expected {SPLIT_FOLDERS}{hint}"
        )
    return split


def _refuse_split_folders(data: Data, content: FolderContent) -> None:
    """Refuse to draw splits from a folder that has them, or to take their folders for classes."""
    if data.splits.by is SplitBy.source:
        return
    folders = sorted({path.partition("/")[0] for path in content.images if "/" in path})
    if len(folders) > 1 and all(labels.parse_split(folder) for folder in folders):
        names = ", ".join(f"{folder}/" for folder in folders)
        raise DataError(
            f"{data.title}: its folders {names} are splits; "
            "expected `data.splits.by: source` for them"
        )


def _refuse_empty_classes(
    data: Data, content: FolderContent, depth: int, classes: set[str]
) -> None:
    for path in content.empty_folders:
        name = path.split("/")[-1]
        if path.count("/") == depth - 1 and name not in classes:
            raise DataError(
                f"{data.location / path}: no images; "
                f"expected {', '.join(SUFFIXES)} files of the class {name!r}"
            )
