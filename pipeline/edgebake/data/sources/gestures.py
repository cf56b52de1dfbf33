"""Gestures of a hand, as a watch measures them: windows of acceleration and rotation, 8 classes.

Generated: NumPy draws people and their movements from the seed and the formulas in
`readers/gesture_model.py`. No file and no package is read.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.lazy import LazySequence
from edgebake.data.readers import gesture_model, labels
from edgebake.errors import DataError
from edgebake.recipe import Data, plugin_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

KIND = "signal"
TOOLS = ("numpy",)
WORDS = ()
LISTS_LABELS = True
OPTIONS_KEY = "data.source_options"
MOST_WINDOWS = 200_000  # about 600 MB in memory


@dataclass
class Options:
    """Options of the source `gestures`: the number of people, and of windows of each."""

    # People; each has a tempo, vigor and watch of their own.
    people: int = 120
    # Windows of every gesture by each person.
    windows: int = 4


def count(data: Data) -> dict[str, int]:
    """Return the number of windows, which have no splits of their own.

    Raises:
        DataError: an option is unknown or out of bounds, or the recipe asks for splits of the
            source.
    """
    options = _read_options(data)
    labels.check_splits(data, [], "examples that do")
    return {"": options.people * _windows_of_a_person(options)}


def bundled_file() -> Path:
    """Return the model that the windows are made by."""
    return Path(gesture_model.__file__)


def columns(_: Data) -> list[str]:
    """Return the columns: the person, and the wrist that wears the watch."""
    return ["person", "wrist"]


def load(data: Data) -> Examples:
    """Return all windows, float32 [128, 6]; those of a person are made when one is read.

    Raises:
        DataError: an option is unknown or out of bounds, or the recipe asks for splits of the
            source.
    """
    from edgebake.data.dataset import Examples

    (total,) = count(data).values()
    options = _read_options(data)
    per_person = _windows_of_a_person(options)
    names = []
    people = []
    wrists = []
    gestures = []
    for number in range(total):
        person, window = divmod(number, per_person)
        gesture = gesture_model.GESTURES[window // options.windows]
        gestures.append(gesture)
        people.append(f"person {person}")
        wrists.append(gesture_model.wrist_of(data.seed, person))
        names.append(f"person {person}, {gesture} {window % options.windows}")

    def read(number: int) -> NDArray[np.float32]:
        person, window = divmod(number, per_person)
        windows = _person_windows(data.seed, person, options.windows)
        return np.asarray(windows[window])

    classes, indices = labels.encode_names(data, gestures)
    return Examples(
        LazySequence(total, read),
        np.array(indices, np.int64),
        classes,
        columns={"person": people, "wrist": wrists},
        names=names,
        splits=[""] * total,
    )


@functools.lru_cache(maxsize=128)
def _person_windows(seed: int, person: int, windows: int) -> NDArray[np.float32]:
    """Return the windows of a person, float32 [gestures * windows, 128, 6]."""
    return gesture_model.make_windows(seed, person, windows)


def _windows_of_a_person(options: Options) -> int:
    return len(gesture_model.GESTURES) * options.windows


def _read_options(data: Data) -> Options:
    options: Options = plugin_options.typed(data.source_options, Options, OPTIONS_KEY)
    for key in ("people", "windows"):
        if getattr(options, key) < 1:
            problem = f"{getattr(options, key)}; expected 1 or more"
            raise DataError(f"data.source_options.{key}: {problem}")
    total = options.people * _windows_of_a_person(options)
    if total > MOST_WINDOWS:
        raise DataError(
            f"data.source_options: {total:,} windows; expected at most {MOST_WINDOWS:,}: "
            f"people * windows * {len(gesture_model.GESTURES)} gestures"
        )
    return options
