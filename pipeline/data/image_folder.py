"""One folder of images per class: `cats/1.jpg`, `dogs/1.png`; the folder's name is the label.

Reads `data.path`. Classes and files are taken in the order of their names.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import DataError
from pipeline.recipe import Colour, Data

if TYPE_CHECKING:
    from pipeline.dataset import Examples

TOOLS = ("pillow",)
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
MODES = {Colour.grey: "L", Colour.rgb: "RGB"}


def count(data: Data) -> int:
    """Return how many images lie in the folder.

    Raises:
        DataError: the folder is missing, or holds no image in a sub-folder.
    """
    return sum(len(files) for files in _files(data).values())


def load(data: Data) -> "Examples":
    """Return every image of the folder, in its own size.

    Raises:
        DataError: the folder is missing or empty, or an image cannot be decoded.
    """
    import numpy as np  # noqa: PLC0415 - the planner loads this module only to count

    from pipeline.dataset import Examples  # noqa: PLC0415

    by_class = _files(data)
    images = [_decode(file, MODES[data.colour]) for files in by_class.values() for file in files]
    labels = np.repeat(np.arange(len(by_class)), [len(files) for files in by_class.values()])
    return Examples(images, labels.astype(np.int64), list(by_class))


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
