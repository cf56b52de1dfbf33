"""TFRecord files of tf.train.Example messages, read without TensorFlow.

Reads `data.path`, a file or a folder of them. `data.features` says which features hold image and label. With
`splits: { by: source }` a file's name says its split: `train.tfrecord`, `flowers-test.tfrecord-00000-of-00002`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import labels, records
from edgebake.data.readers.decode import LazyImages, decode, in_color
from edgebake.data.readers.records import Record
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Color, Data, Encoding, Features, SplitBy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ("google-crc32c", "protobuf")
WORDS = ("features",)
NAME = re.compile(r".+\.(?:tfrecords?|tfrec)(?:-(\d{5})-of-(\d{5}))?", re.IGNORECASE)
EXPECTED = "expected .tfrecord files, .tfrecord-00000-of-00004 for one"


def count(data: Data) -> dict[str, int]:
    """Return how many records there are by the split that the files' names say, `""` for none; heads alone are read.

    Raises:
        DataError: there is no such file, or one is damaged.
    """
    return labels.counts(_split(data, record.file) for record in _index(data))


def columns(_: Data) -> list[str]:
    """Return nothing: a record says no more of an image than its label."""
    return []


def load(data: Data) -> Examples:
    """Return every record's image; labels are read, images are not kept.

    Raises:
        DataError: a file is damaged, or a record lacks a feature.
    """
    from edgebake.data.dataset import Examples

    words, found = _words(data), _index(data)
    said = [_label(record, records.features(record), words) for record in found]
    classes, numbers = _classes(data, said)
    splits = [_split(data, record.file) for record in found]
    labels.refuse_unlearned(data, [classes[number] for number in numbers], splits)
    return Examples(
        images=LazyImages(len(found), lambda number: _image(found[number], words, data.color)),
        labels=np.array(numbers, np.int64),
        classes=classes,
        names=[f"{record.file.name}[{record.number}]" for record in found],
        splits=splits,
    )


def _words(data: Data) -> Features:
    words = data.features
    if words is None:
        raise DataError(
            "data.features: null; expected the features of image and label, as in recipes/data/tfrecord.yaml"
        )
    if (words.encoding is Encoding.raw) != (words.shape is not None):
        expected = "[height, width] or [height, width, 3] for raw pixels, null for encoded ones"
        raise DataError(f"data.features.shape: {words.shape}; expected {expected}")
    return words


def _index(data: Data) -> list[Record]:
    files = _files(data.location)
    found = [record for file in files for record in records.index(file)]
    if not found:
        raise DataError(f"{data.title}: no records; expected one for every image")
    named = {split for file in files if (split := _split_in(file))}
    if data.splits.by is SplitBy.source or len(named) > 1:
        labels.refuse_other_splits(data, named, "train and test in the names of the files")
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder; {EXPECTED}")
    held = sorted(file for file in path.iterdir() if file.is_file())
    if packed := [
        file.name for file in held if NAME.fullmatch(file.stem) and file.suffix in (".gz", ".zlib")
    ]:
        raise DataError(
            f"{path}: compressed: {labels.few(packed)}; expected files that are not: gunzip them"
        )
    files = [file for file in held if NAME.fullmatch(file.name)]
    if not files:
        raise DataError(
            f"{path}: holds {labels.few([file.name for file in held]) or 'nothing'}; {EXPECTED}"
        )
    _refuse_missing_shards(path, files)
    return files


def _refuse_missing_shards(path: Path, files: Sequence[Path]) -> None:
    """Refuse a set of numbered files of which one is not there."""
    held = {file.name for file in files}
    for file in files:
        match = NAME.fullmatch(file.name)
        total = match[2] if match else None
        start = file.name[: -len("00000-of-00000")]
        for number in range(int(total or 0)):
            if (name := f"{start}{number:05}-of-{total}") not in held:
                raise DataError(
                    f"{path}: {name} is missing; expected all {int(str(total))} of them"
                )


def _split(data: Data, file: Path) -> str:
    """Return the split that a file's name says, if the recipe asks for it."""
    if data.splits.by is not SplitBy.source:
        return ""
    if (split := _split_in(file)) is None:
        raise DataError(
            f"{file}: names no split, or two; expected one of train, validation, test, calibration in it"
        )
    return split


def _split_in(file: Path) -> str | None:
    found = {split for word in re.split(r"[-._]", file.name) if (split := labels.split_of(word))}
    return found.pop() if len(found) == 1 else None


def _one(record: Record, features: dict[str, list[Any]], key: str) -> Any:
    """Return the only value of a feature."""
    if key not in features:
        hint = f"expected one of: {listed(features)}{nearest(key, features)}"
        raise DataError(f"{record}: no feature {key!r}; {hint}")
    if len(features[key]) != 1:
        raise DataError(f"{record}: {key!r} has {len(features[key])} values; expected 1")
    return features[key][0]


def _label(
    record: Record, features: dict[str, list[Any]], words: Features
) -> tuple[int | str, str]:
    """Return the label, a number or a name, and the name that the record gives to it."""
    value = _one(record, features, words.label)
    if isinstance(value, float):
        raise DataError(
            f"{record}: {words.label!r} holds {value:g}; expected a whole number or a name"
        )
    label = _text(record, words.label, value) if isinstance(value, bytes) else value
    return label, _text(
        record, words.names, _one(record, features, words.names)
    ) if words.names else ""


def _text(record: Record, key: str, value: Any) -> str:
    try:
        return str(value.decode())
    except (AttributeError, UnicodeDecodeError):
        raise DataError(f"{record}: {key!r} holds {value!r}; expected a text in UTF-8") from None


def _classes(data: Data, said: Sequence[tuple[int | str, str]]) -> tuple[list[str], list[int]]:
    """Return the classes, and the number of each record's, as `labels` does."""
    names = {label: name for label, name in said if name}
    for label, name in said:
        if name and names[label] != name:
            raise DataError(
                f"{data.title}: the label {label} is called {names[label]!r} and {name!r}; expected one name"
            )
    if len(set(names.values())) < len(names):
        raise DataError(
            f"{data.title}: two labels have the same name; expected another for each: {listed(names.values())}"
        )
    values = [names.get(label, label) for label, _ in said]
    texts = [value for value in values if isinstance(value, str)]
    whole = [value for value in values if isinstance(value, int)]
    if texts and whole:
        raise DataError(
            f"{data.title}: labels are numbers in some records and names in others; expected one of the two"
        )
    if not texts:
        return labels.from_numbers(data, whole)
    classes, numbers = labels.from_names(data, texts)
    if data.labels or not names:
        return classes, numbers
    ordered = [names[label] for label in sorted(names, key=lambda label: (str(type(label)), label))]
    return ordered, [ordered.index(classes[number]) for number in numbers]


def _image(record: Record, words: Features, color: Color) -> NDArray[np.uint8]:

    content = _one(record, records.features(record), words.image)
    if not isinstance(content, bytes):
        raise DataError(f"{record}: {words.image!r} holds numbers; expected bytes")
    if words.shape is None:
        return decode(content, color, str(record))
    if len(content) != math.prod(words.shape):
        expected = (
            f"expected {math.prod(words.shape)}, as data.features.shape {list(words.shape)} says"
        )
        raise DataError(f"{record}: {words.image!r} has {len(content)} bytes; {expected}")
    return in_color(np.frombuffer(content, np.uint8).reshape(words.shape), color)
