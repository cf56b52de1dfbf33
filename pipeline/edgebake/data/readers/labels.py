"""What a source calls its examples in, classes and label numbers out; and the words by which sources name splits.

Reads `data.labels`, if the recipe names it. Free of NumPy, since the planner asks too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

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
SHOWN = 5  # of what is wrong, the rest is counted


def from_names(data: Data, names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the classes, and the number of each example's: as the labels file orders them, or sorted.

    Raises:
        DataError: a name is none of the labels file, or all examples are of one class.
    """
    found = sorted(set(names))
    classes = read(data) if data.labels else found
    for name in found:
        if name not in classes:
            hint = f"expected one of: {listed(classes)}{nearest(name, classes)}"
            raise DataError(f"{data.title}: the class {name!r} is not in {data.labels}; {hint}")
    return _at_least_two(data, classes, found), _numbers(names, classes)


def from_numbers(data: Data, numbers: Sequence[int]) -> tuple[list[str], list[int]]:
    """Return the classes, and the number of each example's; a number is a line of the labels file, from 0, or a name.

    Raises:
        DataError: the labels file has no such line, or all examples are of one class.
    """
    found = sorted(set(numbers))
    if not data.labels:
        classes = _at_least_two(data, [str(number) for number in found], found)
        return classes, _numbers(numbers, found)
    classes = read(data)
    for number in found:
        if not 0 <= number < len(classes):
            expected = f"expected 0 to {len(classes) - 1}, one for each line of {data.labels}"
            raise DataError(f"{data.title}: the label {number}; {expected}")
    return _at_least_two(data, classes, found), list(numbers)


def read(data: Data) -> list[str]:
    """Return the lines of the labels file.

    Raises:
        DataError: it is missing or empty, or a line is empty or there twice.
    """
    file = Path(str(data.labels))
    try:
        lines = [line.strip() for line in file.read_text("utf-8-sig").rstrip().split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DataError(
            f"{file}: {why}; expected a text file with one class a line, as data.labels says"
        ) from None
    first: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            raise DataError(f"{file}: line {number} is empty; expected one class a line")
        if line in first:
            says = f"line {number} says {line!r}, as line {first[line]} does"
            raise DataError(f"{file}: {says}; expected each class once")
        first[line] = number
    return lines


def split_of(word: str) -> str | None:
    """Return the split that a folder, a file or a cell names, in any case; none if it names none."""
    return SPLITS.get(word.strip().lower())


def refuse_other_splits(data: Data, said: Collection[str], expected: str) -> None:
    """Hold the splits that a source says, `""` for none, against `data.splits.by`.

    Raises:
        DataError: the source says none and should, or says some and is not asked.
    """
    named = sorted(set(said) - {""})
    if data.splits.by is not SplitBy.source:
        if named:
            held = " and ".join(named)
            raise DataError(
                f"{data.title}: says itself what is {held}; expected `data.splits.by: source`"
            )
        return
    if not named:
        raise DataError(
            f"{data.title}: does not say the splits; expected {expected}, or `data.splits.by: seed`"
        )
    if "train" not in named:
        raise DataError(
            f"{data.title}: holds {' and '.join(named)} and nothing to train with; expected {expected}"
        )


def refuse_unlearned(data: Data, names: Iterable[str], splits: Iterable[str]) -> None:
    """Refuse a class that is asked for and never shown.

    Args:
        data: the recipe's words.
        names: of each example, its class.
        splits: of each example, as the source says.

    Raises:
        DataError: the training examples lack a class that another split has.
    """
    held: dict[str, set[str]] = {}
    for name, split in zip(names, splits, strict=True):
        held.setdefault(split, set()).add(name)
    for split in sorted(held.keys() - {"", "train"}):
        if missing := sorted(held[split] - held["train"]):
            classes = ", ".join(repr(name) for name in missing[:SHOWN])
            raise DataError(
                f"{data.title}: {split} holds {classes}, train does not; expected every class in train"
            )


def few(things: Sequence[object]) -> str:
    """Return the first few as text, and how many there are more."""
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(str(thing) for thing in things[:SHOWN]) + more


def counts(splits: Iterable[str]) -> dict[str, int]:
    """Return how many examples each split holds."""
    found: dict[str, int] = {}
    for split in splits:
        found[split] = found.get(split, 0) + 1
    return found


def _numbers(values: Sequence[object], classes: Sequence[object]) -> list[int]:
    places: Mapping[object, int] = {name: number for number, name in enumerate(classes)}
    return [places[value] for value in values]


def _at_least_two(data: Data, classes: list[str], found: Sequence[object]) -> list[str]:
    if len(found) < 2:
        held = f"all examples are of the class {found[0]!r}" if found else "no examples"
        raise DataError(f"{data.title}: {held}; expected two classes or more")
    return classes
