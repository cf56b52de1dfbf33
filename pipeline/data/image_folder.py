"""One folder of images per class: `cats/1.jpg`, `dogs/1.png`; the folder's name is the label.

Reads `data.path`. Classes and files are taken in the order of their names. `columns.csv` at the top of the folder, if
it is there, says more of every image: its column `file` names it, `cats/1.jpg`, and each other column is the data's.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import DataError
from pipeline.recipe import Colour, Data

if TYPE_CHECKING:
    from pipeline.dataset import Examples

TOOLS = ("pillow",)
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
COLUMNS, FILE = "columns.csv", "file"
MODES = {Colour.grey: "L", Colour.rgb: "RGB"}


def count(data: Data) -> int:
    """Return how many images lie in the folder.

    Raises:
        DataError: the folder is missing, or holds no image in a sub-folder.
    """
    return sum(len(files) for files in _files(data).values())


def columns(data: Data) -> list[str]:
    """Return the columns of columns.csv, less the one that names the file; none where there is no such file."""
    table = Path(data.path) / COLUMNS
    if not table.is_file():
        return []
    with table.open(newline="") as lines:
        return [name for name in next(csv.reader(lines), []) if name != FILE]


def load(data: Data) -> "Examples":
    """Return every image of the folder, in its own size.

    Raises:
        DataError: the folder is missing or empty, or an image cannot be decoded; columns.csv leaves one out.
    """
    import numpy as np  # noqa: PLC0415 - the planner loads this module only to count

    from pipeline.dataset import Examples  # noqa: PLC0415

    by_class = _files(data)
    images = [_decode(file, MODES[data.colour]) for files in by_class.values() for file in files]
    labels = np.repeat(np.arange(len(by_class)), [len(files) for files in by_class.values()])
    files = [file for found in by_class.values() for file in found]
    return Examples(images, labels.astype(np.int64), list(by_class), _columns(data, files))


def _columns(data: Data, files: Iterable[Path]) -> dict[str, list[str]]:
    """Return the values of each column in the order of the files.

    Raises:
        DataError: columns.csv has no column `file`, or leaves an image out.
    """
    names, table = columns(data), Path(data.path) / COLUMNS
    if not names:
        return {}
    with table.open(newline="") as lines:
        rows = csv.DictReader(lines)
        by_file = {row.get(FILE): row for row in rows}
    if FILE not in (rows.fieldnames or ()):
        raise DataError(f"{table}: no column {FILE!r}; expected one that names each image, cats/1.jpg for one")
    wanted = [file.relative_to(data.path).as_posix() for file in files]
    for file in wanted:
        if file not in by_file:
            raise DataError(f"{table}: no line for {file}; expected one for every image")
    return {name: [by_file[file][name] or "" for file in wanted] for name in names}


def _files(data: Data) -> dict[str, list[Path]]:
    folder = Path(data.path)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one sub-folder of images per class")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {
        path.name: [file for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES] for path in classes
    }
    if not any(found.values()):
        raise DataError(f"{folder}: no images; expected one sub-folder per class with {', '.join(SUFFIXES)} files")
    for name, files in found.items():
        if not files:
            raise DataError(f"{folder / name}: no images; expected {', '.join(SUFFIXES)} files of the class {name!r}")
    return found


def _decode(file: Path, mode: str) -> Any:
    """Return the pixels, uint8 [h, w] or [h, w, 3]."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(file) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert(mode))
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise DataError(f"{file}: not an image that can be read ({error}); mend or remove it") from None
