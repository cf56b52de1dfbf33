"""A folder of images, with a folder for each class: `cats/1.jpg`, `dogs/1.png`.

Reads `data.path`. With `splits: { by: source }`, the folders of the classes are in a folder for
each split: `train/cats/1.jpg`. A table, if `data.table` names one, can give label, split and
further columns instead. `data.columns` reads columns from the paths; images may then be in
sub-folders of a class: `cats/ann/1.jpg`. Classes and files are sorted by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import class_folder, labels
from edgebake.data.readers.decode import LazyImages, open_image_file
from edgebake.data.readers.folder import IMAGES
from edgebake.recipe import Data

if TYPE_CHECKING:
    from PIL.Image import Image

    from edgebake.data.dataset import Examples

TOOLS = ("pillow",)
WORDS = ("table", "columns")
LISTS_LABELS = True


def count(data: Data) -> dict[str, int]:
    """Return the number of images by the split of their folder or of the table, `""` for none.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    images = class_folder.find(data, IMAGES)
    return labels.count_by_split(image.split for image in images)


def columns(data: Data) -> list[str]:
    """Return the columns of the table other than image, label and split, and `data.columns`.

    Raises:
        DataError: the table cannot be read, or has a column of the same name.
    """
    return class_folder.columns(data)


def load(data: Data) -> Examples:
    """Return every image of the folder, in its own size; none is decoded yet.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    from edgebake.data.dataset import Examples

    folder = data.location
    images = class_folder.find(data, IMAGES)
    names = [image.label for image in images]
    classes, indices = labels.encode_names(data, names)

    def read(index: int) -> Image:
        file = folder / images[index].path
        return open_image_file(file, data.image_color, data.max_megapixels)

    return Examples(
        inputs=LazyImages(len(images), read),
        labels=np.array(indices, np.int64),
        classes=classes,
        columns=class_folder.read_cells(data, images),
        names=[image.path for image in images],
        splits=[image.split for image in images],
        left_out=class_folder.left_out(data, IMAGES),
    )
