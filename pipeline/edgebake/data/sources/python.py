"""Examples of a Python function in the project: `examples(path: Path) -> Examples`.

Reads `data.path`: a Python file, or a folder with examples.py and its data. The function is called
with that path, by the planner too, which counts the examples; therefore images should be a lazy
sequence. `Examples` is the class of edgebake.data.dataset.
"""

from __future__ import annotations

import functools
import runpy
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edgebake.data.lazy import LazySequence
from edgebake.data.readers import class_names, labels
from edgebake.data.readers.decode import LazyImages, in_color
from edgebake.errors import DataError, listed
from edgebake.recipe import Color, Data
from edgebake.tasks.inputs.image.spec import NAME as IMAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ()
KIND = None  # any: the function returns what the kind of the input takes
WORDS = ()
LISTS_LABELS = True
RUNS_CODE = True
FILE = "examples.py"
FUNCTION = "examples"
SPLITS = ("", "train", "calibration", "validation", "test")

Result = TypeVar("Result")


def count(data: Data) -> dict[str, int]:
    """Return the number of examples by the split that the function gives them, `""` for none.

    Raises:
        DataError: the function fails, or returns something else than valid examples.
    """
    return labels.count_by_split(load(data).splits)


def columns(data: Data) -> list[str]:
    """Return the names of the columns that the function returns."""
    return list(load(data).columns)


def load(data: Data) -> Examples:
    """Return the examples of the function, with images in the color of the recipe.

    Raises:
        DataError: the function fails, or returns something else than valid examples.
    """
    file = _existing_file(data.location)
    examples = _call(file, data.location, file.stat().st_mtime_ns)
    _check(f"{file}: {FUNCTION}()", examples)
    no_splits = [""] * len(examples.labels)
    splits = list(examples.splits) or no_splits
    labels.check_splits(data, splits, "Examples with splits")
    indices = examples.labels.tolist()
    names = [examples.classes[index] for index in indices]
    labels.refuse_untrained_classes(data, names, splits)
    classes = examples.classes
    if data.labels:
        classes, indices = labels.encode_names(data, names)
    numbered_names = [f"example {index}" for index in range(len(names))]
    return replace(
        examples,
        inputs=_inputs(file, examples, data),
        labels=np.array(indices, np.int64),
        classes=list(classes),
        names=list(examples.names) or numbered_names,
        splits=splits,
    )


def _inputs(file: Path, examples: Examples, data: Data) -> LazySequence:
    """Return the inputs; images are checked when they are read, others by the stage `data`."""
    inputs = examples.inputs
    if data.input.kind != IMAGE:
        return LazySequence(len(inputs), lambda index: _guard(file, lambda: inputs[index]))

    def read(index: int) -> NDArray[np.uint8]:
        return _read_image(file, inputs, index, data.image_color)

    return LazyImages(len(inputs), read)


def _existing_file(path: Path) -> Path:
    file = path
    if path.is_dir():
        file = path / FILE
    if not file.is_file():
        raise DataError(f"{file}: no such file; expected Python with a function `{FUNCTION}(path)`")
    return file


@functools.cache  # the planner counts once for each target
def _call(file: Path, path: Path, _modified_ns: int) -> Examples:
    """Run the file and call its function; a new modification time calls it again."""
    # An import would write a folder __pycache__ into the folder that DVC tracks.
    names = _guard(file, lambda: runpy.run_path(str(file), run_name=FUNCTION))
    function = names.get(FUNCTION)
    if not callable(function):
        functions = []
        for name, value in names.items():
            if callable(value) and not name.startswith("_"):
                functions.append(name)
        raise DataError(
            f"{file}: no function `{FUNCTION}`; expected `def {FUNCTION}(path)`, "
            f"it has: {listed(functions)}"
        )
    examples: Examples = _guard(file, lambda: function(path))
    return examples


def _guard(file: Path, run: Callable[[], Result]) -> Result:
    """Run code of the user's file.

    Raises:
        DataError: it failed; the message names the line of the file.
    """
    try:
        return run()
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
        line = getattr(error, "lineno", None)
        if lines:
            line = lines[-1]
        location = str(file)
        if line:
            location = f"{file}:{line}"
        reason = " ".join(str(error).split())
        raise DataError(
            f"{location}: {type(error).__name__}: {reason}; expected examples, correct the function"
        ) from None


def _check(function: str, examples: object) -> None:
    """Check what the function returned; `function` is its name in messages."""
    from edgebake.data.dataset import Examples

    if not isinstance(examples, Examples):
        raise DataError(
            f"{function} returned {type(examples).__name__}; "
            "expected edgebake.data.dataset.Examples"
        )
    _check_labels(function, examples)
    inputs = examples.inputs
    if not hasattr(inputs, "__getitem__") or not hasattr(inputs, "__len__"):
        raise DataError(f"{function}: inputs are {type(inputs).__name__}; expected a sequence")
    _check_lengths(function, examples)
    unknown = sorted(set(examples.splits) - set(SPLITS))
    if unknown:
        raise DataError(
            f"{function}: the split {unknown[0]!r}; expected one of: {', '.join(SPLITS[1:])}"
        )


def _check_lengths(function: str, examples: Examples) -> None:
    total = len(examples.labels)
    lengths = {"inputs": len(examples.inputs)}
    for name, values in examples.columns.items():
        lengths[f"columns[{name!r}]"] = len(values)
    for field in ("names", "splits"):
        values = getattr(examples, field)
        if len(values):
            lengths[field] = len(values)
    for field, length in lengths.items():
        if length != total:
            raise DataError(f"{function}: {length} {field}; expected {total}, as there are labels")


def _check_labels(function: str, examples: Examples) -> None:
    indices = examples.labels
    classes = examples.classes
    if getattr(indices, "ndim", None) != 1 or indices.dtype.kind not in "iu":
        raise DataError(f"{function}: labels are {_describe(indices)}; expected int64 [n]")
    has_names = all(isinstance(name, str) for name in classes)
    if not has_names or len(set(classes)) != len(classes) or len(classes) < 2:
        raise DataError(
            f"{function}: classes are {classes!r}; expected two names or more, each once"
        )
    class_names.check(function, classes)
    if not len(indices):
        raise DataError(f"{function}: no examples; expected one or more")
    lowest = int(indices.min())
    highest = int(indices.max())
    if lowest < 0 or highest >= len(classes):
        raise DataError(
            f"{function}: labels from {lowest} to {highest}; expected 0 to {len(classes) - 1}, "
            "the indices of the classes"
        )


def _read_image(
    file: Path, images: Sequence[NDArray[np.uint8]], index: int, color: Color
) -> NDArray[np.uint8]:
    pixels = _guard(file, lambda: images[index])
    dtype = getattr(pixels, "dtype", None)
    shape = getattr(pixels, "shape", ())
    if str(dtype) != "uint8" or not _is_image(shape):
        raise DataError(
            f"{file}: image {index} is {_describe(pixels)}; expected uint8 [h, w] or [h, w, 3]"
        )
    return in_color(pixels, color)


def _is_image(shape: tuple[int, ...]) -> bool:
    if 0 in shape:
        return False
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def _describe(value: object) -> str:
    """Return dtype and shape of an array, or the type of another value."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__
