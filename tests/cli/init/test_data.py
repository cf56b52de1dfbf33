"""How data are read is told from what lies at their path."""

from pathlib import Path

import numpy as np
import pytest

from edgebake.cli.init import data
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy


def detect(path: Path | str) -> Data:
    return data.detect(str(path), [0], [1])


def test_a_folder_is_one_of_images_unless_something_else_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    assert detect(tmp_path).source == "image_folder"
    (tmp_path / "examples.py").touch()
    assert detect(tmp_path).source == "python"


def test_arrays_beside_folders_of_images_do_not_make_it_another_kind(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "weights.npz").touch()
    with pytest.raises(DataError, match="holds none; expected x and y"):
        detect(tmp_path)
    (tmp_path / "cat/1.JPG").touch()
    assert detect(tmp_path).source == "image_folder"


def test_arrays_say_their_color_and_their_splits(tmp_path: Path) -> None:
    gray, labels = np.zeros((8, 4, 4), np.uint8), np.arange(8) % 2
    np.savez(tmp_path / "gray.npz", x_train=gray, y_train=labels, x_test=gray, y_test=labels)
    detected = data.with_splits(detect(tmp_path / "gray.npz"))
    assert (detected.source, detected.color, detected.splits.by) == (
        "npz",
        Color.grayscale,
        SplitBy.source,
    )
    assert (detected.splits.test, detected.splits.validation) == (None, 0.1)
    np.savez(tmp_path / "rgb.npz", x=np.zeros((8, 4, 4, 3), np.uint8), y=labels)
    detected = data.with_splits(detect(tmp_path / "rgb.npz"))
    assert (detected.color, detected.splits.by, detected.splits.train) == (
        Color.rgb,
        SplitBy.seed,
        0.6,
    )


def test_a_name_of_keras_is_a_set_of_keras() -> None:
    detected = detect("cifar10")
    assert (detected.source, detected.name, detected.path, detected.color) == (
        "keras",
        "cifar10",
        "data/keras/cifar10.npz",
        Color.rgb,
    )


def test_records_say_which_features_are_image_and_label(tmp_path: Path) -> None:
    from edgebake.models import keras_session

    keras_session.start(1)
    import tensorflow

    feature, train = tensorflow.train.Feature, tensorflow.train
    written = {
        "image/encoded": feature(bytes_list=train.BytesList(value=[b"\xff\xd8\xff rest"])),
        "image/class/label": feature(int64_list=train.Int64List(value=[3])),
        "image/class/text": feature(bytes_list=train.BytesList(value=[b"cat"])),
        "image/height": feature(int64_list=train.Int64List(value=[8])),
    }
    with tensorflow.io.TFRecordWriter(str(tmp_path / "train.tfrecord")) as writer:
        writer.write(train.Example(features=train.Features(feature=written)).SerializeToString())
    features = detect(tmp_path / "train.tfrecord").features
    assert features is not None
    assert (features.image, features.label, features.names) == (
        "image/encoded",
        "image/class/label",
        "image/class/text",
    )


def test_damaged_splits_are_not_taken_for_classes(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    with pytest.raises(DataError, match="'c'"):
        data.with_splits(detect(tmp_path))


def test_data_that_dvc_has_not_fetched_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "images.dvc").touch()
    with pytest.raises(DataError, match=r"run `dvc pull"):
        detect(tmp_path / "images")
