"""Examples that a function of yours returns: `examples(path: Path) -> Examples`, of edgebake.data.dataset.

Reads `data.path`: a Python file, or a folder with examples.py and what it reads. The function is given that path. Even
the planner has to call it, to count; images are looked at when they are asked for, so let them be read as late.
"""

from __future__ import annotations

import functools
import runpy
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import labels
from edgebake.data.readers.decode import LazyImages, in_color
from edgebake.errors import DataError, listed
from edgebake.recipe import Color, Data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ()
WORDS = ()
FILE, FUNCTION = "examples.py", "examples"
SPLITS = ("", "train", "calibration", "validation", "test")


def count(data: Data) -> dict[str, int]:
    """Return how many examples the function returns by the split that it says, `""` for none.

    Raises:
        DataError: the function fails, or returns what is not expected.
    """
    return labels.counts(_examples(data).splits)


def columns(data: Data) -> list[str]:
    """Return the names of the columns that the function returns."""
    return list(_examples(data).columns)


def load(data: Data) -> Examples:
    """Return what the function returns, its images in the color that the recipe asks for.

    Raises:
        DataError: the function fails, or returns what is not expected.
    """
    return _examples(data)


def _examples(data: Data) -> Examples:

    file = _file(data.location)
    found = _called(file, data.location, file.stat().st_mtime_ns)
    where = f"{file}: {FUNCTION}()"
    _check(where, found)
    splits = list(found.splits) or [""] * len(found.labels)
    labels.refuse_other_splits(data, splits, "Examples with splits")
    said = [found.classes[number] for number in found.labels.tolist()]
    labels.refuse_unlearned(data, said, splits)
    classes, numbers = (
        labels.from_names(data, said) if data.labels else (found.classes, found.labels.tolist())
    )
    return replace(
        found,
        images=LazyImages(len(said), lambda number: _image(file, found.images, number, data.color)),
        labels=np.array(numbers, np.int64),
        classes=list(classes),
        names=list(found.names) or [f"example {number}" for number in range(len(said))],
        splits=splits,
    )


def _file(path: Path) -> Path:
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file}: no such file; expected Python with a function `{FUNCTION}(path)`")
    return file


@functools.cache  # the planner counts for every target
def _called(file: Path, path: Path, _: int) -> Examples:
    # Not imported: that would write a folder __pycache__ into what DVC watches.
    held = _guarded(file, lambda: runpy.run_path(str(file), run_name=FUNCTION))
    function = held.get(FUNCTION)
    if not callable(function):
        names = [
            name for name, value in held.items() if callable(value) and not name.startswith("_")
        ]
        raise DataError(
            f"{file}: no function `{FUNCTION}`; expected `def {FUNCTION}(path)`, it has: {listed(names)}"
        )
    found: Examples = _guarded(file, lambda: function(path))
    return found


def _guarded(file: Path, run: Callable[[], Any]) -> Any:
    """Run a piece of the user's code; say in one line where it failed.

    Raises:
        DataError: it failed.
    """
    try:
        return run()
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        own = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename) == file
        ]
        line = own[-1] if own else getattr(error, "lineno", None)
        place = f"{file}:{line}" if line else f"{file}"
        text = " ".join(str(error).split())
        raise DataError(
            f"{place}: {type(error).__name__}: {text}; expected examples, mend the function"
        ) from None


def _check(where: str, found: Any) -> None:
    from edgebake.data.dataset import Examples

    if not isinstance(found, Examples):
        raise DataError(
            f"{where} returned {type(found).__name__}; expected edgebake.data.dataset.Examples"
        )
    _check_labels(where, found)
    total = len(found.labels)
    if not hasattr(found.images, "__getitem__") or not hasattr(found.images, "__len__"):
        raise DataError(f"{where}: images are {type(found.images).__name__}; expected a sequence")
    lists = {
        "images": found.images,
        **{f"columns[{name!r}]": values for name, values in found.columns.items()},
    }
    lists |= {word: values for word in ("names", "splits") if len(values := getattr(found, word))}
    for word, values in lists.items():
        if len(values) != total:
            raise DataError(f"{where}: {len(values)} {word}; expected {total}, as there are labels")
    if wrong := sorted(set(found.splits) - set(SPLITS)):
        raise DataError(
            f"{where}: the split {wrong[0]!r}; expected one of: {', '.join(SPLITS[1:])}"
        )


def _check_labels(where: str, found: Examples) -> None:
    numbers, classes = found.labels, found.classes
    if getattr(numbers, "ndim", None) != 1 or numbers.dtype.kind not in "iu":
        held = (
            f"{numbers.dtype} {list(numbers.shape)}"
            if hasattr(numbers, "dtype")
            else type(numbers).__name__
        )
        raise DataError(f"{where}: labels are {held}; expected int64 [n]")
    if (
        not all(isinstance(name, str) for name in classes)
        or len(set(classes)) != len(classes)
        or len(classes) < 2
    ):
        raise DataError(f"{where}: classes are {classes!r}; expected two names or more, each once")
    if not len(numbers):
        raise DataError(f"{where}: no examples; expected one or more")
    if not 0 <= int(numbers.min()) <= int(numbers.max()) < len(classes):
        held = f"{int(numbers.min())} to {int(numbers.max())}"
        raise DataError(
            f"{where}: labels from {held}; expected 0 to {len(classes) - 1}, the places of the classes"
        )


def _image(file: Path, images: Sequence[Any], number: int, color: Color) -> NDArray[np.uint8]:
    pixels = _guarded(file, lambda: images[number])
    shape = getattr(pixels, "shape", ())
    if str(getattr(pixels, "dtype", "")) != "uint8" or not _is_image(shape):
        held = (
            f"{pixels.dtype} {list(shape)}" if hasattr(pixels, "dtype") else type(pixels).__name__
        )
        raise DataError(f"{file}: image {number} is {held}; expected uint8 [h, w] or [h, w, 3]")
    return in_color(pixels, color)


def _is_image(shape: tuple[int, ...]) -> bool:
    return 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))
