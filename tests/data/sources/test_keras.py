"""Sets that Keras fetches: once, into one file whose checksum stands beside it."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from edgebake.data.sources import keras
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy, Splits
from tests.images import noise

# Replaces the program of Keras, which needs a network: two images to train with, one to test.
DOWNLOAD = """
import json, sys
import numpy
asked = json.load(sys.stdin)
x = numpy.arange(18, dtype=numpy.uint8).reshape(3, 2, 3)
numpy.savez(asked["file"], x_train=x[:2], y_train=[[3], [9]], x_test=x[2:], y_test=[[9]])
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    monkeypatch.setattr(keras, "DOWNLOAD", DOWNLOAD)
    path = str(tmp_path / "keras" / "fashion_mnist.npz")
    return Data(
        path=path, name="fashion_mnist", color=Color.grayscale, splits=Splits(SplitBy.source)
    )


def test_a_set_is_fetched_once_and_counted(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keras.count(data) == {"train": 2, "test": 1}
    monkeypatch.setattr(keras, "DOWNLOAD", "raise SystemExit('again')")
    assert keras.count(data) == {"train": 2, "test": 1}
    files = sorted(file.name for file in data.location.parent.iterdir())
    assert files == ["fashion_mnist.npz", "fashion_mnist.npz.sha256"]


def test_keras_itself_is_asked_in_a_process_of_its_own(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if Keras had fetched Fashion-MNIST before: it looks into its own folder first."""
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cache = tmp_path / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    for name, count in (
        ("train", 3),
        ("t10k", 2),
    ):  # the format of IDX: https://yann.lecun.org/exdb/mnist/index.html
        images = struct.pack(">IIII", 2051, count, 28, 28) + noise(count, 28, 28).tobytes()
        (cache / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        labels = struct.pack(">II", 2049, count) + bytes(range(count))
        (cache / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    examples = keras.load(data)
    assert keras.count(data) == {"train": 3, "test": 2}
    np.testing.assert_array_equal(examples.inputs[2], noise(3, 28, 28)[2])
    assert examples.labels.tolist() == [0, 1, 2, 0, 1]


def test_fetching_gives_the_same_bytes_each_time(data: Data) -> None:
    keras.count(data)
    first = data.location.read_bytes()
    data.location.unlink()
    keras.count(data)
    assert data.location.read_bytes() == first


def test_numbers_have_the_names_of_their_classes(data: Data) -> None:
    examples = keras.load(data)
    assert [examples.classes[label] for label in examples.labels] == [
        "Dress",
        "Ankle boot",
        "Ankle boot",
    ]
    assert examples.splits == ["train", "train", "test"]
    assert examples.inputs[2].tolist() == [[12, 13, 14], [15, 16, 17]]


@pytest.mark.parametrize(
    ("name", "count"), [("mnist", 10), ("fashion_mnist", 10), ("cifar10", 10), ("cifar100", 100)]
)
def test_every_class_is_an_answer_in_the_order_of_its_number(
    name: str, count: int, data: Data, tmp_path: Path
) -> None:
    data.name, data.path = name, str(tmp_path / f"{name}.npz")
    x, y = noise(count, 2, 2), np.arange(count)[:, None]
    np.savez(data.path, x_train=x, y_train=y, x_test=x, y_test=y)
    Path(f"{data.path}.sha256").write_text(f"{keras._sha256(data.location)}  {name}.npz\n")
    examples = keras.load(data)
    assert len(set(examples.classes)) == count
    assert examples.labels.tolist() == [*range(count), *range(count)]


def test_a_labels_file_gives_the_order_of_the_answers(data: Data, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("Ankle boot\nDress\n")
    data.labels = str(tmp_path / "labels.txt")
    examples = keras.load(data)
    assert (examples.classes, examples.labels.tolist()) == (["Ankle boot", "Dress"], [1, 0, 0])


def test_another_file_than_was_fetched_is_refused(data: Data) -> None:
    keras.count(data)
    file = data.location
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError) as refused:
        keras.load(data)
    expected = (
        "its SHA-256 is not that of fashion_mnist.npz.sha256; expected the downloaded file: "
        "remove both to download it again"
    )
    assert str(refused.value) == f"{file}: {expected}"
    Path(f"{file}.sha256").unlink()
    with pytest.raises(
        DataError,
        match=r"fashion_mnist\.npz\.sha256: no such file; expected it next to fashion_mnist\.npz",
    ):
        keras.load(data)


def test_without_a_network_a_person_is_told_what_to_bring(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras, "DOWNLOAD", "raise OSError('Name or service not known')")
    with pytest.raises(DataError) as refused:
        keras.count(data)
    folder = data.location.parent
    assert str(refused.value) == (
        f"fashion_mnist: not in {folder}/ and cannot be downloaded (OSError: Name or service not "
        "known); "
        "expected a network, or the file and fashion_mnist.npz.sha256 from another machine"
    )
    assert list(folder.iterdir()) == []


def test_sets_without_images_and_unknown_sets_are_named(data: Data) -> None:
    known = "expected one of: cifar10, cifar100, fashion_mnist, mnist"
    for name, why in (
        ("imdb", f"data.name: imdb holds no images; {known}"),
        ("cifar", f"data.name: no image set 'cifar' in Keras; {known}; did you mean 'cifar10'?"),
    ):
        data.name = name
        with pytest.raises(DataError) as refused:
            keras.count(data)
        assert str(refused.value) == why


def test_splits_of_a_set_are_not_drawn_anew(data: Data) -> None:
    data.splits = Splits(SplitBy.seed)
    with pytest.raises(DataError, match="has its own splits: test and train; expected "):
        keras.count(data)
