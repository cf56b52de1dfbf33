"""TFRecord files of tf.train.Example messages, read without TensorFlow.

Reads `data.path`, a file or a folder of files. `data.features` names the features that hold image
and label, `data.columns` those of further columns. With `splits: { by: source }`, a file's name
contains its split: `train.tfrecord`, `flowers-test.tfrecord-00000-of-00002`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import labels, links, record_files, records
from edgebake.data.readers.decode import LazyImages, decode, in_color, max_bytes
from edgebake.data.readers.records import Record, Value
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data, Encoding, Features, SplitBy
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

TOOLS = ("google-crc32c", "protobuf")
WORDS = ("features", "columns")


@dataclass(frozen=True)
class Label:
    """The label and the further columns of one record."""

    value: int | str
    name: str  # of the class, "" if the record has none
    cells: dict[str, str]  # by column


def count(data: Data) -> dict[str, int]:
    """Return the number of records by the split in the files' names, `""` for none.

    Only headers are read.

    Raises:
        DataError: there is no such file, or one is damaged.
    """
    return labels.count_by_split(_split(data, record.file) for record in _find_records(data))


def columns(data: Data) -> list[str]:
    """Return the names in `data.columns`, of which the first record has the features.

    Raises:
        DataError: it lacks one.
    """
    if data.columns:
        first = _find_records(data)[0]
        _cells(first, records.read_features(first), data.columns)
    return list(data.columns or {})


def load(data: Data) -> Examples:
    """Return the image and label of every record; images are decoded when they are read.

    Raises:
        DataError: a file is damaged, or a record lacks a feature.
    """
    from edgebake.data.dataset import Examples

    options = _checked_options(data)
    all_records = _find_records(data)
    record_labels = [_read_label(record, options, data.columns) for record in all_records]
    classes, indices = _encode(data, record_labels)
    splits = [_split(data, record.file) for record in all_records]
    class_names = [classes[index] for index in indices]
    labels.refuse_untrained_classes(data, class_names, splits)

    def read(index: int) -> NDArray[np.uint8]:
        return _read_image(all_records[index], options, data)

    names = [f"{record.file.name}[{record.number}]" for record in all_records]
    cells = {}
    for column in data.columns or {}:
        cells[column] = [label.cells[column] for label in record_labels]
    return Examples(
        inputs=LazyImages(len(all_records), read),
        labels=np.array(indices, np.int64),
        classes=classes,
        columns=cells,
        names=names,
        splits=splits,
        left_out=record_files.left_out(data.location),
    )


def _checked_options(data: Data) -> Features:
    options = data.features
    if options is None:
        raise DataError(
            "data.features: null; expected the features of image and label, "
            "as in recipes/data/tfrecord.yaml"
        )
    if (options.encoding is Encoding.raw) != (options.shape is not None):
        expected = "[height, width] or [height, width, 3] for raw pixels, null for encoded ones"
        raise DataError(f"data.features.shape: {options.shape}; expected {expected}")
    return options


def _find_records(data: Data) -> list[Record]:
    path = data.location
    files = record_files.find(path)
    all_records: list[Record] = []
    for file in files:
        if path.is_dir():
            links.refuse_outside(file, path)
        all_records += records.index_file(file, max_bytes(data.max_megapixels))
    if not all_records:
        raise DataError(f"{data.title}: no records; expected one for every image")
    splits = {_split_in_name(file) for file in files} - {None}
    if data.splits.by is SplitBy.source or len(splits) > 1:
        names = {split for split in splits if split}
        labels.check_splits(data, names, "train and test in the names of the files")
    return all_records


def _split(data: Data, file: Path) -> str:
    """Return the split in a file's name; "" unless the recipe asks for it."""
    if data.splits.by is not SplitBy.source:
        return ""
    split = _split_in_name(file)
    if split is None:
        raise DataError(
            f"{file}: names no split, or two; "
            "expected one of train, validation, test, calibration in it"
        )
    return split


def _split_in_name(file: Path) -> str | None:
    """Return the split that a file's name contains; None if it contains none or two."""
    splits = {labels.parse_split(word) for word in re.split(r"[-._]", file.name)} - {None}
    return splits.pop() if len(splits) == 1 else None


def _single_value(record: Record, features: Mapping[str, list[Value]], key: str) -> Value:
    """Return the only value of a feature."""
    if key not in features:
        hint = f"expected one of: {listed(features)}{nearest(key, features)}"
        raise DataError(f"{record}: no feature {key!r}; {hint}")
    if len(features[key]) != 1:
        raise DataError(f"{record}: {key!r} has {len(features[key])} values; expected 1")
    return features[key][0]


def _read_label(record: Record, options: Features, columns: Mapping[str, str] | None) -> Label:
    features = records.read_features(record)
    value = _single_value(record, features, options.label)
    if isinstance(value, float):
        raise DataError(
            f"{record}: {options.label!r} holds {value:g}; expected a whole number or a name"
        )
    label = _decode_text(record, options.label, value) if isinstance(value, bytes) else value
    name = ""
    if options.names:
        encoded_name = _single_value(record, features, options.names)
        name = _decode_text(record, options.names, encoded_name)
    return Label(label, name, _cells(record, features, columns or {}))


def _cells(
    record: Record, features: Mapping[str, list[Value]], columns: Mapping[str, str]
) -> dict[str, str]:
    """Return the value of each further column of a record."""
    cells = {}
    for column, key in columns.items():
        value = _single_value(record, features, key)
        text = _decode_text(record, key, value) if isinstance(value, bytes) else str(value)
        cells[column] = printable(text)
    return cells


def _decode_text(record: Record, key: str, value: Value) -> str:
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError:
        pass
    raise DataError(f"{record}: {key!r} holds {value!r}; expected a text in UTF-8")


def _encode(data: Data, record_labels: Sequence[Label]) -> tuple[list[str], list[int]]:
    """Return the classes, and the index of each record's class.

    The classes are in the order of the labels file, or sorted by their values.
    """
    names = _names_by_value(data, record_labels)
    values = [names.get(label.value, label.value) for label in record_labels]
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if isinstance(value, int)]
    if texts and numbers:
        raise DataError(
            f"{data.title}: labels are numbers in some records and names in others; "
            "expected one of the two"
        )
    if not texts:
        return labels.encode_numbers(data, numbers)
    classes, indices = labels.encode_names(data, texts)
    if data.labels or not names:
        return classes, indices
    by_value = sorted(names, key=lambda value: (str(type(value)), value))
    ordered = [names[value] for value in by_value]
    return ordered, [ordered.index(classes[index]) for index in indices]


def _names_by_value(data: Data, record_labels: Sequence[Label]) -> dict[int | str, str]:
    """Return the name of each label value, as the records give it."""
    names = {label.value: label.name for label in record_labels if label.name}
    for label in record_labels:
        if label.name and names[label.value] != label.name:
            raise DataError(
                f"{data.title}: the label {label.value} is called {names[label.value]!r} and "
                f"{label.name!r}; expected one name"
            )
    if len(set(names.values())) < len(names):
        raise DataError(
            f"{data.title}: two labels have the same name; "
            f"expected another for each: {listed(names.values())}"
        )
    return names


def _read_image(record: Record, options: Features, data: Data) -> NDArray[np.uint8]:
    """Return the pixels of a record's image, [h, w] or [h, w, 3]."""
    content = _single_value(record, records.read_features(record), options.image)
    if not isinstance(content, bytes):
        raise DataError(f"{record}: {options.image!r} holds numbers; expected bytes")
    if options.shape is None:
        return decode(content, data.image_color, str(record), data.max_megapixels)
    size = math.prod(options.shape)
    if len(content) != size:
        expected = f"expected {size}, as data.features.shape {list(options.shape)} says"
        raise DataError(f"{record}: {options.image!r} has {len(content)} bytes; {expected}")
    return in_color(np.frombuffer(content, np.uint8).reshape(options.shape), data.image_color)
