"""A folder of sounds, with a folder for each class: `yes/1.wav`, `no/1.flac`.

Reads `data.path`: WAV and FLAC files with one channel of 16 bits, of the rate that
`data.input.options.rate` names. Splits, tables and columns are those of `image_folder`; in
`data.table`, `image` names the column with the path of the sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import class_folder, labels, sounds
from edgebake.data.readers.folder import SOUNDS
from edgebake.recipe import Data, plugin_options
from edgebake.tasks.inputs.audio import options as audio_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ()  # WAV and FLAC keep every sample: the version of a reader does not matter
WORDS = ("table", "columns")
KIND = "audio"
LISTS_LABELS = True


@dataclass
class Options:
    """Options of the source `sound_folder`."""

    # Longest sound that is read, in s; longer ones cannot be read.
    max_seconds: float = 60.0


def count(data: Data) -> dict[str, int]:
    """Return the number of sounds by the split of their folder or of the table, `""` for none.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    files = class_folder.find(data, SOUNDS)
    return labels.count_by_split(sound.split for sound in files)


def columns(data: Data) -> list[str]:
    """Return the columns of the table other than path, label and split, and `data.columns`.

    Raises:
        DataError: the table cannot be read, or has a column of the same name.
    """
    return class_folder.columns(data)


def load(data: Data) -> Examples:
    """Return every sound of the folder, int16 [n] of its own length; none is read yet.

    Raises:
        DataError: the folder is missing or has another layout, or the table does not fit it.
    """
    from edgebake.data.dataset import Examples
    from edgebake.data.lazy import LazySequence

    folder = data.location
    rate = audio_options.read(data).rate
    options = plugin_options.typed(data.source_options, Options, "data.source_options")
    files = class_folder.find(data, SOUNDS)
    names = [sound.label for sound in files]
    classes, indices = labels.encode_names(data, names)

    def read(index: int) -> NDArray[np.int16]:
        file = folder / files[index].path
        return sounds.read_file(file, rate, options.max_seconds)

    return Examples(
        LazySequence(len(files), read),
        np.array(indices, np.int64),
        classes,
        columns=class_folder.read_cells(data, files),
        names=[sound.path for sound in files],
        splits=[sound.split for sound in files],
        left_out=class_folder.left_out(data, SOUNDS),
    )
