"""Find the examples of a folder with a sub-folder for each class, or with a table of labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.data.readers import labels, path_columns, tables
from edgebake.data.readers.folder import FileKind, FolderContent, list_files
from edgebake.errors import DataError, nearest
from edgebake.recipe import Data, SplitBy
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from edgebake.data.readers.tables import Row

SPLIT_FOLDERS = "train, val, test (and calibration) folders, each with a folder for every class"


@dataclass(frozen=True)
class ExampleFile:
    """One example of the dataset."""

    path: str  # below data.path
    label: str
    split: str  # by the source, "" for none


def columns(data: Data) -> list[str]:
    """Return the columns of the table other than file, label and split, and `data.columns`.

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


def read_cells(data: Data, files: list[ExampleFile]) -> dict[str, list[str]]:
    """Return the values of each column, one for each example.

    Raises:
        DataError: the table cannot be read, or a path has no value.
    """
    rows = _read_table(data)
    cells = path_columns.read(data, [file.path for file in files])
    for column in columns(data):
        if column not in cells:
            cells[column] = [printable(rows[file.path].cells[column]) for file in files]
    return cells


def left_out(data: Data, kind: FileKind) -> list[str]:
    """Return the files and folders that are neither examples nor named by the recipe."""
    recipe_files = {Path(str(data.labels))}
    if data.table:
        recipe_files.add(data.location / data.table.file)
    content = list_files(data.location, kind)
    return [path for path in content.left_out if data.location / path not in recipe_files]


def find(data: Data, kind: FileKind) -> list[ExampleFile]:
    """Return the examples of a kind, in their order, with their labels and splits.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    content = list_files(data.location, kind)
    rows = _read_table(data)
    if data.table:
        tables.check_rows(data.location / data.table.file, rows, content.files)
    if data.table and data.table.label:
        files = _label_by_table(data, content, rows)
    else:
        files = _label_by_folder(data, content, rows)
    names = [file.label for file in files]
    splits = [file.split for file in files]
    labels.check_splits(data, set(splits), SPLIT_FOLDERS)
    labels.encode_names(data, names)  # refuses unknown names
    labels.refuse_untrained_classes(data, names, splits)
    path_columns.read(data, [file.path for file in files])  # refuses paths without a value
    return files


def _read_table(data: Data) -> dict[str, Row]:
    """Return the row of each example; empty if the recipe names no table."""
    if data.table is None:
        return {}
    return tables.read_rows(data.location, data.table)


def _label_by_table(data: Data, content: FolderContent, rows: dict[str, Row]) -> list[ExampleFile]:
    """Return the files with the labels of the table, in whichever folder they are."""
    _refuse_split_folders(data, content)
    files = []
    for path in content.files:
        row = rows[path]
        files.append(ExampleFile(path, row.label, row.split or _split_of_path(data, path)))
    return files


def _label_by_folder(data: Data, content: FolderContent, rows: dict[str, Row]) -> list[ExampleFile]:
    """Return the files with the names of their folders as labels, sorted by label."""
    has_split_column = data.table is not None and data.table.split is not None
    has_split_folders = data.splits.by is SplitBy.source and not has_split_column
    layout = f"<class>/<{content.kind.name}>"
    if has_split_folders:
        layout = f"<split>/<class>/<{content.kind.name}>"
    else:
        _refuse_split_folders(data, content)
    _refuse_other_depths(data, content, layout)
    files = []
    for path in content.files:
        split = ""
        if has_split_folders:
            split = _split_of_path(data, path)
        elif rows:
            split = rows[path].split
        label = path.split("/")[layout.count("/") - 1]
        files.append(ExampleFile(path, label, split))
    files.sort(key=lambda file: file.label)
    if not data.labels:
        classes = {file.label for file in files}
        _refuse_empty_classes(data, content, layout.count("/"), classes)
    return files


def _refuse_other_depths(data: Data, content: FolderContent, layout: str) -> None:
    depth = layout.count("/")
    too_high = [path for path in content.files if path.count("/") < depth]
    if too_high:
        raise DataError(
            f"{data.title}: not in the folder of a class: {labels.preview(too_high)}; "
            f"expected {layout}"
        )
    too_deep = [path for path in content.files if path.count("/") > depth]
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
    folders = sorted({path.partition("/")[0] for path in content.files if "/" in path})
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
                f"{data.location / path}: no {content.kind.name}s; "
                f"expected {', '.join(content.kind.suffixes)} files of the class {name!r}"
            )
