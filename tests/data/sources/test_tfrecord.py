"""TFRecords that TensorFlow wrote are read without it, and what is damaged is named."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.sources import tfrecord
from edgebake.errors import DataError
from edgebake.models import keras_session
from edgebake.recipe import Color, Data, Encoding, Features, SplitBy, Splits
from tests.images import noise

PIXELS = noise(3, 4, 5, 3)


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    keras_session.start(1)
    import tensorflow

    return tensorflow


def _png(pixels: NDArray[np.uint8]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def _write(tensorflow: Any, file: Path, *examples: dict[str, Any]) -> None:
    """Write records as TensorFlow does."""
    train = tensorflow.train
    kinds = {bytes: ("bytes_list", train.BytesList), int: ("int64_list", train.Int64List)}
    kinds[float] = ("float_list", train.FloatList)
    with tensorflow.io.TFRecordWriter(str(file)) as writer:
        for values in examples:
            features = {}
            for name, value in values.items():
                word, kind = kinds[type(value)]
                features[name] = train.Feature(**{word: kind(value=[value])})
            writer.write(
                train.Example(features=train.Features(feature=features)).SerializeToString()
            )


def _examples(labels: list[Any], **more: Any) -> list[dict[str, Any]]:
    return [{"image": _png(PIXELS[i]), "label": label, **more} for i, label in enumerate(labels)]


def _data(path: Path, by: SplitBy = SplitBy.seed, **features: Any) -> Data:
    known = {
        "image": "image",
        "label": "label",
        "encoding": Encoding.encoded,
        "shape": None,
        "names": None,
    }
    return Data(
        path=str(path),
        color=Color.rgb,
        splits=Splits(by),
        features=Features(**{**known, **features}),
    )


def _refused(data: Data) -> str:
    with pytest.raises(DataError) as refused:
        tfrecord.load(data)
    return str(refused.value)


def test_records_are_those_that_tensorflow_wrote(tensorflow: Any, tmp_path: Path) -> None:
    _write(tensorflow, tmp_path / "a.tfrecord", *_examples([5, 2, 5]))
    data = _data(tmp_path / "a.tfrecord")
    loaded = tfrecord.load(data)
    assert tfrecord.count(data) == {"": 3}
    np.testing.assert_array_equal(np.stack(list(loaded.inputs)), PIXELS)
    assert (loaded.classes, loaded.labels.tolist()) == (["2", "5"], [1, 0, 1])
    assert loaded.names == ["a.tfrecord[0]", "a.tfrecord[1]", "a.tfrecord[2]"]


def test_raw_pixels_have_the_shape_that_the_recipe_says(tensorflow: Any, tmp_path: Path) -> None:
    _write(
        tensorflow,
        tmp_path / "a.tfrecord",
        *[{"image": PIXELS[i].tobytes(), "label": i} for i in range(3)],
    )
    data = _data(tmp_path / "a.tfrecord", encoding=Encoding.raw, shape=[4, 5, 3])
    np.testing.assert_array_equal(np.stack(list(tfrecord.load(data).inputs)), PIXELS)
    data = _data(tmp_path / "a.tfrecord", encoding=Encoding.raw, shape=[4, 5])
    with pytest.raises(
        DataError,
        match=r"record 1: 'image' has 60 bytes; expected 20, as data\.features\.shape \[4, 5\]",
    ):
        tfrecord.load(data).inputs[1]


def test_texts_are_classes(tensorflow: Any, tmp_path: Path) -> None:
    _write(tensorflow, tmp_path / "a.tfrecord", *_examples([b"dog", b"cat", b"dog"]))
    loaded = tfrecord.load(_data(tmp_path / "a.tfrecord"))
    assert (loaded.classes, loaded.labels.tolist()) == (["cat", "dog"], [1, 0, 1])


def test_names_stand_in_the_order_of_their_numbers(tensorflow: Any, tmp_path: Path) -> None:
    examples = _examples([11, 2, 11])
    for example in examples:
        example["text"] = {11: b"cat", 2: b"dog"}[example["label"]]
    _write(tensorflow, tmp_path / "a.tfrecord", *examples)
    loaded = tfrecord.load(_data(tmp_path / "a.tfrecord", names="text"))
    assert (loaded.classes, loaded.labels.tolist()) == (["dog", "cat"], [1, 0, 1])


def test_a_number_with_two_names_is_refused(tensorflow: Any, tmp_path: Path) -> None:
    examples = _examples([1, 0, 1])
    for example, name in zip(examples, (b"cat", b"dog", b"bird"), strict=True):
        example["text"] = name
    _write(tensorflow, tmp_path / "a.tfrecord", *examples)
    message = _refused(_data(tmp_path / "a.tfrecord", names="text"))
    assert message.endswith("the label 1 is called 'bird' and 'cat'; expected one name")


def test_names_of_files_say_the_splits(tensorflow: Any, tmp_path: Path) -> None:
    for name, labels in (
        ("pets-train.tfrecord-00000-of-00002", [0]),
        ("pets-train.tfrecord-00001-of-00002", [1]),
        ("pets-test.tfrecord-00000-of-00001", [0, 1]),
    ):
        _write(tensorflow, tmp_path / name, *_examples(labels))
    (tmp_path / "dataset_info.json").write_text("{}")
    data = _data(tmp_path, SplitBy.source)
    assert tfrecord.count(data) == {"test": 2, "train": 2}
    assert tfrecord.load(data).splits == ["test", "test", "train", "train"]
    assert "expected `data.splits.by: source`" in _refused(_data(tmp_path))
    (tmp_path / "pets-train.tfrecord-00000-of-00002").unlink()
    assert _refused(data).endswith(
        "pets-train.tfrecord-00000-of-00002 is missing; expected all 2 of them"
    )


def test_a_file_that_names_no_split_is_named(tensorflow: Any, tmp_path: Path) -> None:
    _write(tensorflow, tmp_path / "train.tfrecord", *_examples([0, 1]))
    _write(tensorflow, tmp_path / "more.tfrecord", *_examples([0, 1]))
    assert "more.tfrecord: names no split, or two; expected one of train" in _refused(
        _data(tmp_path, SplitBy.source)
    )


def test_a_feature_that_is_not_there_is_answered_with_those_that_are(
    tensorflow: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.tfrecord"
    _write(tensorflow, file, *_examples([0, 1], height=3))
    expected = "expected one of: height, image, label; did you mean 'label'?"
    assert (
        _refused(_data(file, label="labels"))
        == f"{file}: record 0: no feature 'labels'; {expected}"
    )
    with pytest.raises(
        DataError, match="no feature 'picture'; expected one of: height, image, label"
    ):
        tfrecord.load(_data(file, image="picture")).inputs[0]
    with pytest.raises(DataError, match="'height' holds numbers; expected bytes"):
        tfrecord.load(_data(file, image="height")).inputs[0]


def test_a_label_of_another_kind_is_named(tensorflow: Any, tmp_path: Path) -> None:
    _write(tensorflow, tmp_path / "a.tfrecord", *_examples([0.5, 1.0]))
    assert "record 0: 'label' holds 0.5; expected a whole number or a name" in _refused(
        _data(tmp_path / "a.tfrecord")
    )


def test_an_image_that_cannot_be_read_is_found_when_it_is_asked_for(
    tensorflow: Any, tmp_path: Path
) -> None:
    examples = _examples([0, 1])
    examples[1]["image"] = b"no image"
    _write(tensorflow, tmp_path / "a.tfrecord", *examples)
    loaded = tfrecord.load(_data(tmp_path / "a.tfrecord"))
    assert loaded.inputs[0].shape == (4, 5, 3)
    with pytest.raises(
        DataError, match=r"a\.tfrecord: record 1: not an image that can be read \(a text"
    ):
        loaded.inputs[1]


def test_wrong_bytes_are_found(tensorflow: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.tfrecord"
    _write(tensorflow, file, *_examples([0, 1]))
    whole = file.read_bytes()
    second = 16 + int.from_bytes(whole[:8], "little")
    for position, why in (
        (20, "record 0: damaged, its checksum differs"),
        (0, "no TFRecord"),
        (second, "record 1: damaged"),
    ):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        file.write_bytes(damaged)
        assert _refused(_data(file)).startswith(f"{file}: {why}")


def test_a_file_cut_short_is_found_by_counting(tensorflow: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.tfrecord"
    _write(tensorflow, file, *_examples([0, 1]))
    whole = file.read_bytes()
    second = 16 + int.from_bytes(whole[:8], "little")
    for length, why in (
        (second + 5, "record 1: damaged, its length"),
        (len(whole) - 1, "record 1: the file ends within it"),
    ):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match=why):
            tfrecord.count(_data(file))


def test_compressed_files_are_told_to_be_unpacked(tensorflow: Any, tmp_path: Path) -> None:
    with tensorflow.io.TFRecordWriter(str(tmp_path / "a.tfrecord"), "GZIP") as writer:
        writer.write(b"x")
    assert _refused(_data(tmp_path)).endswith("expected uncompressed TFRecords: gunzip it")
    (tmp_path / "a.tfrecord").rename(tmp_path / "a.tfrecord.gz")
    assert _refused(_data(tmp_path)).endswith(
        "compressed: a.tfrecord.gz; expected uncompressed files: gunzip them"
    )


def test_what_is_no_folder_of_records_is_named(tmp_path: Path) -> None:
    expected = "expected .tfrecord files, for example .tfrecord-00000-of-00004"
    assert _refused(_data(tmp_path)).endswith(f"holds nothing; {expected}")
    assert _refused(_data(tmp_path / "nowhere")).endswith(f"no such file or folder; {expected}")
    (tmp_path / "empty.tfrecord").touch()
    assert _refused(_data(tmp_path)).endswith("no records; expected one for every image")


def test_other_messages_are_no_examples(tensorflow: Any, tmp_path: Path) -> None:
    with tensorflow.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(b"\xff\xff\xff")
    message = _refused(_data(tmp_path))
    assert message.endswith(
        "a.tfrecord: record 0: no tf.train.Example; expected one in every record"
    )


@pytest.mark.parametrize(("encoding", "shape"), [(Encoding.raw, None), (Encoding.encoded, [4, 5])])
def test_a_shape_is_for_raw_pixels_alone(
    encoding: Encoding, shape: list[int] | None, tmp_path: Path
) -> None:
    message = _refused(_data(tmp_path, encoding=encoding, shape=shape))
    expected = (
        "expected [height, width] or [height, width, 3] for raw pixels, null for encoded ones"
    )
    assert message == f"data.features.shape: {shape}; {expected}"


def test_features_have_to_be_named(tmp_path: Path) -> None:
    assert _refused(Data(path=str(tmp_path))).startswith(
        "data.features: null; expected the features of image and label"
    )


def test_further_features_are_columns_and_other_files_are_named(
    tensorflow: Any, tmp_path: Path
) -> None:
    records = _examples([0, 1], day=3)
    for record, name in zip(records, (b"ann", b"bob"), strict=True):
        record["who"] = name
    _write(tensorflow, tmp_path / "a.tfrecord", *records)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more").mkdir()
    data = _data(tmp_path)
    data.columns = {"person": "who", "day": "day"}
    assert tfrecord.columns(data) == ["person", "day"]
    examples = tfrecord.load(data)
    assert examples.columns == {"person": ["ann", "bob"], "day": ["3", "3"]}
    assert examples.left_out == ["more/", "notes.txt"]
    data.columns = {"person": "whom"}
    with pytest.raises(DataError, match="record 0: no feature 'whom'; expected one of: day, "):
        tfrecord.columns(data)
