"""Encode labels as indices of classes, and parse the names of splits.

Reads `data.labels`, if the recipe names it. Free of NumPy, since the planner uses it too.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from edgebake.data.readers import class_names, links
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data, SplitBy

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "calib": "calibration",
    "calibration": "calibration",
}
MAX_LABELS_FILE = 16 << 20  # bytes
SHOWN = 5  # values in a message; further ones are counted


def encode_names(data: Data, names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the classes, and the index of each example's class.

    The classes are in the order of the labels file, or sorted.

    Raises:
        DataError: the labels file lacks a name, or all examples are of one class.
    """
    used = sorted(set(names))
    class_names.check(data.title, used)
    classes = read_labels_file(data) if data.labels else used
    for name in used:
        if name not in classes:
            hint = f"expected one of: {listed(classes)}{nearest(name, classes)}"
            raise DataError(f"{data.title}: the class {name!r} is not in {data.labels}; {hint}")
    _refuse_single_class(data, used)
    return classes, _indices(names, classes)


def encode_numbers(data: Data, numbers: Sequence[int]) -> tuple[list[str], list[int]]:
    """Return the classes, and the index of each example's class.

    A number is the index of a line of the labels file, if there is one, and otherwise a name.

    Raises:
        DataError: the labels file has no such line, or all examples are of one class.
    """
    used = sorted(set(numbers))
    if not data.labels:
        _refuse_single_class(data, used)
        return [str(number) for number in used], _indices(numbers, used)
    classes = read_labels_file(data)
    for number in used:
        if not 0 <= number < len(classes):
            expected = f"expected 0 to {len(classes) - 1}, one for each line of {data.labels}"
            raise DataError(f"{data.title}: the label {number}; {expected}")
    _refuse_single_class(data, used)
    return classes, list(numbers)


def read_labels_file(data: Data) -> list[str]:
    """Return the lines of the labels file, one class each.

    Raises:
        DataError: it is missing or empty, a line is empty or occurs twice, or is no name of a
            class.
    """
    file = Path(str(data.labels))
    try:
        links.refuse_special(file)
        size = file.stat().st_size
        if size > MAX_LABELS_FILE:
            raise DataError(f"{file}: {size:,} bytes; expected at most {MAX_LABELS_FILE:,}")
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DataError(
            f"{file}: {reason}; expected a text file with one class per line, as data.labels says"
        ) from None
    lines = [line.strip() for line in text.rstrip().split("\n")]
    first_number: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            raise DataError(f"{file}: line {number} is empty; expected one class per line")
        if line in first_number:
            problem = f"line {number} says {line!r}, as line {first_number[line]} does"
            raise DataError(f"{file}: {problem}; expected each class once")
        first_number[line] = number
    class_names.check(str(file), lines)
    return lines


def parse_split(name: str) -> str | None:
    """Return the split that a folder, a file or a cell names, in any case; None for other names."""
    return SPLITS.get(name.strip().lower())


def check_splits(data: Data, splits: Collection[str], expected: str) -> None:
    """Check that a source has splits of its own if, and only if, `data.splits.by` is `source`.

    Args:
        data: options of the dataset.
        splits: of the examples by the source, `""` for none.
        expected: how splits are named in such a source.

    Raises:
        DataError: the source has splits and must not, or the other way round.
    """
    names = sorted(set(splits) - {""})
    if data.splits.by is not SplitBy.source:
        if names:
            raise DataError(
                f"{data.title}: has its own splits: {' and '.join(names)}; "
                "expected `data.splits.by: source`"
            )
        return
    if not names:
        raise DataError(
            f"{data.title}: has no splits of its own; expected {expected}, "
            "or `data.splits.by: seed`"
        )
    if "train" not in names:
        raise DataError(
            f"{data.title}: holds {' and '.join(names)} but no training examples; "
            f"expected {expected}"
        )


def refuse_untrained_classes(data: Data, names: Iterable[str], splits: Iterable[str]) -> None:
    """Refuse a class that is evaluated and never trained.

    Args:
        data: options of the dataset.
        names: the class of each example.
        splits: the split of each example by the source.

    Raises:
        DataError: the train split lacks a class that another split has.
    """
    classes: dict[str, set[str]] = {}
    for name, split in zip(names, splits, strict=True):
        classes.setdefault(split, set()).add(name)
    for split in sorted(classes.keys() - {"", "train"}):
        untrained = sorted(classes[split] - classes["train"])
        if untrained:
            shown = ", ".join(repr(name) for name in untrained[:SHOWN])
            raise DataError(
                f"{data.title}: {split} holds {shown}, train does not; "
                "expected every class in train"
            )


def preview(values: Sequence[object]) -> str:
    """Return the first few values as text, and the number of further ones."""
    text = ", ".join(str(value) for value in values[:SHOWN])
    if len(values) > SHOWN:
        text += f" and {len(values) - SHOWN} more"
    return text


def count_by_split(splits: Iterable[str]) -> dict[str, int]:
    """Return the number of examples in each split."""
    counts: dict[str, int] = {}
    for split in splits:
        counts[split] = counts.get(split, 0) + 1
    return counts


def _indices(values: Sequence[object], classes: Sequence[object]) -> list[int]:
    index = {name: number for number, name in enumerate(classes)}
    return [index[value] for value in values]


def _refuse_single_class(data: Data, used: Sequence[object]) -> None:
    if len(used) < 2:
        problem = f"all examples are of the class {used[0]!r}" if used else "no examples"
        raise DataError(f"{data.title}: {problem}; expected two classes or more")
