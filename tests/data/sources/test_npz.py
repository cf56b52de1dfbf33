"""NumPy arrays: their names, shapes, types and labels, and what cannot be used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.data.sources import npz
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy, Splits
from tests.images import noise

IMAGES = noise(4, 5, 3)
LABELS = np.array([7, 3, 7, 3])


def _saved(tmp_path: Path, by: SplitBy = SplitBy.seed, **arrays: Any) -> Data:
    np.savez(tmp_path / "images.npz", **arrays)
    return Data(path=str(tmp_path / "images.npz"), color=Color.grayscale, splits=Splits(by))


def _refused(data: Data) -> str:
    """Return what the planner says, and every stage with it."""
    with pytest.raises(DataError) as refused:
        npz.count(data)
    with pytest.raises(DataError) as again:
        npz.load(data)
    assert str(again.value) == str(refused.value)
    return str(refused.value).removeprefix(f"{data.path}: ")


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels_are_those_that_were_saved(
    names: tuple[str, str], save: Any, tmp_path: Path
) -> None:
    save(tmp_path / "a.npz", **dict(zip(names, (IMAGES, LABELS), strict=True)))
    data = Data(path=str(tmp_path / "a.npz"), color=Color.grayscale, splits=Splits(SplitBy.seed))
    examples = npz.load(data)
    assert npz.count(data) == {"": 4}
    np.testing.assert_array_equal(np.stack(list(examples.inputs)), IMAGES)
    assert (examples.classes, examples.labels.tolist()) == (["3", "7"], [1, 0, 1, 0])
    assert examples.names == [f"{names[0]}[{row}]" for row in range(4)]
    assert examples.splits == [""] * 4


def test_a_folder_of_arrays_is_read_from_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", noise(4, 5, 3, 3))
    np.save(tmp_path / "labels.npy", LABELS[:, None])
    examples = npz.load(Data(path=str(tmp_path), color=Color.rgb, splits=Splits(SplitBy.seed)))
    np.testing.assert_array_equal(np.stack(list(examples.inputs)), noise(4, 5, 3, 3))
    assert examples.labels.tolist() == [1, 0, 1, 0]


def test_an_array_in_the_order_of_fortran_is_the_same_array(tmp_path: Path) -> None:
    data = _saved(tmp_path, x=np.asfortranarray(IMAGES), y=LABELS)
    np.testing.assert_array_equal(np.stack(list(npz.load(data).inputs)), IMAGES)


def test_grey_and_color_become_what_the_recipe_asks_for(tmp_path: Path) -> None:
    red = np.zeros((2, 1, 1, 3), np.uint8)
    red[..., 0] = 255
    data = _saved(tmp_path, x=red, y=[0, 1])
    assert npz.load(data).inputs[0].tolist() == [[76]]  # ITU-R 601-2: 0.299 * 255 = 76.2
    grey = _saved(tmp_path, x=np.full((2, 1, 1, 1), 9, np.uint8), y=[0, 1])
    assert npz.load(grey).inputs[0].tolist() == [[9]]
    grey.color = Color.rgb
    assert npz.load(grey).inputs[0].tolist() == [[[9, 9, 9]]]


def test_names_say_the_splits(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "y_test": LABELS[:2]}
    data = _saved(tmp_path, SplitBy.source, **arrays, x_val=IMAGES[2:], y_val=LABELS[2:])
    assert npz.count(data) == {"train": 4, "test": 2, "validation": 2}
    examples = npz.load(data)
    assert examples.splits == ["train"] * 4 + ["test"] * 2 + ["validation"] * 2
    assert examples.names[5] == "x_test[1]"
    np.testing.assert_array_equal(examples.inputs[7], IMAGES[3])


def test_the_names_of_medmnist_say_the_splits(tmp_path: Path) -> None:
    arrays = {
        "train_images": IMAGES,
        "train_labels": LABELS[:, None],
        "test_images": IMAGES,
        "test_labels": LABELS,
    }
    assert npz.count(_saved(tmp_path, SplitBy.source, **arrays)) == {"train": 4, "test": 4}


def test_texts_are_classes(tmp_path: Path) -> None:
    examples = npz.load(_saved(tmp_path, x=IMAGES, y=["dog", "cat", "dog", "cat"]))
    assert (examples.classes, examples.labels.tolist()) == (["cat", "dog"], [1, 0, 1, 0])


def test_numbers_are_lines_of_the_labels_file(tmp_path: Path) -> None:
    data = _saved(tmp_path, x=IMAGES, y=[2, 0, 2, 0])
    (tmp_path / "labels.txt").write_text("cat\nbird\ndog\n")
    data.labels = str(tmp_path / "labels.txt")
    examples = npz.load(data)
    assert (examples.classes, examples.labels.tolist()) == (["cat", "bird", "dog"], [2, 0, 2, 0])


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"x": IMAGES.astype(np.int16), "y": LABELS}, "x is int16; expected uint8 from 0 to 255"),
        (
            {"x": IMAGES[0], "y": LABELS},
            "x is [5, 3]; expected [n, height, width], [n, ..., 1] or [n, ..., 3]",
        ),
        (
            {"x": noise(4, 3, 9, 9), "y": LABELS},
            "x is [4, 3, 9, 9]; expected the channels last: save x.transpose(0, 2, 3, 1)",
        ),
        ({"x": noise(4, 9, 9, 4), "y": LABELS}, "x is [4, 9, 9, 4]; expected"),
        (
            {"x": IMAGES, "y": np.eye(4)},
            "y is [4, 4], one-hot; expected one number each: save y.argmax(axis=1)",
        ),
        ({"x": IMAGES, "y": LABELS.astype(float)}, "y is float64; expected whole numbers or texts"),
        ({"x": IMAGES, "y": LABELS[:3]}, "y has 3 labels; expected 4, as x has images"),
        ({"x": IMAGES}, "x has no labels; expected x and y"),
        ({"a": IMAGES}, "holds a; expected x and y, or x_train, y_train, x_test, y_test"),
        ({"x": IMAGES, "y": LABELS, "images": IMAGES}, "x and images are both images"),
        ({"x_extra": IMAGES}, "the name of the array x_extra contains no split; expected x and y"),
        (
            {"x_train": IMAGES, "y_train": LABELS},
            "has its own splits: train; expected `data.splits.by: source`",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(arrays: dict[str, Any], why: str, tmp_path: Path) -> None:
    assert _refused(_saved(tmp_path, **arrays)).startswith(why)


def test_floats_are_told_how_to_become_pixels(tmp_path: Path) -> None:
    pixels = np.array([[[0.0, 0.5]], [[0.25, 1.0]]], np.float32)
    assert _refused(_saved(tmp_path, x=pixels, y=[0, 1])) == (
        "x is float32, from 0 to 1; expected uint8 from 0 to 255: save (x * "
        "255).round().astype('uint8')"
    )


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    data = _saved(tmp_path, x=IMAGES, y=np.array([{}, {}, {}, {}]))
    assert "y holds Python objects, which would have to be unpickled" in _refused(data)
    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "labels.npy", np.array([{}]))
    data.path = str(folder)
    assert _refused(data).startswith(
        "cannot be read (labels holds Python objects, which would have to be unpickled)"
    )


def test_without_splits_in_the_names_they_cannot_be_the_sources(tmp_path: Path) -> None:
    expected = (
        "has no splits of its own; expected x_train, y_train, x_test and y_test, or "
        "`data.splits.by: seed`"
    )
    assert _refused(_saved(tmp_path, SplitBy.source, x=IMAGES, y=LABELS)) == expected


def test_files_that_are_no_arrays_are_named(tmp_path: Path) -> None:
    data = _saved(tmp_path, x=IMAGES, y=LABELS)
    file = data.location
    whole = file.read_bytes()
    for content in (b"", b"no zip", whole[:-30]):
        file.write_bytes(content)
        assert _refused(data).endswith("; expected a .npz, or a folder of .npy files")
    file.unlink()
    assert _refused(data).endswith(
        "no such file; expected a .npz, or a folder with images.npy and labels.npy"
    )


def test_a_wrong_byte_is_found_before_it_is_learned_from(tmp_path: Path) -> None:
    data = _saved(tmp_path, x=noise(4, 100, 100), y=LABELS)  # more than is read with the head
    file = data.location
    content = bytearray(file.read_bytes())
    content[20_000] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"x is damaged \(Bad CRC-32"):
        npz.load(data)


def test_a_class_that_train_lacks_is_named(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:1], "y_test": [9]}
    with pytest.raises(DataError, match="test holds '9', train does not"):
        npz.load(_saved(tmp_path, SplitBy.source, **arrays))


def test_further_arrays_are_columns_and_those_without_a_use_are_named(tmp_path: Path) -> None:
    person = np.array(["ann", "bob", "ann", "cy"])
    data = _saved(tmp_path, x=IMAGES, y=LABELS, person=person, day=LABELS[:, None], note=person)
    data.columns = {"who": "person", "when": "day"}
    examples = npz.load(data)
    assert npz.columns(data) == ["who", "when"]
    assert examples.columns == {"who": person.tolist(), "when": ["7", "3", "7", "3"]}
    assert examples.left_out == ["note.npy"]


def test_columns_name_the_split_as_images_do(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "who_train": np.arange(4)}
    arrays |= {"test_x": IMAGES, "test_y": LABELS, "test_who": np.arange(4, 8)}
    data = _saved(tmp_path, SplitBy.source, **arrays)
    data.columns = {"who": "who"}
    assert npz.load(data).columns == {"who": [str(number) for number in range(8)]}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            {"persons": LABELS},
            "no array person, which data.columns.who names; expected one of: persons, x, y; "
            "did you mean 'persons'?",
        ),
        ({"person": LABELS[:3]}, "person has 3 values; expected 4, as x has images"),
        ({"person": LABELS * 0.5}, "person is float64; expected whole numbers or texts"),
        ({"person": np.zeros((4, 2), int)}, "person is [4, 2]; expected [n]"),
    ],
)
def test_an_array_that_is_no_column_is_named(
    array: dict[str, Any], message: str, tmp_path: Path
) -> None:
    data = _saved(tmp_path, x=IMAGES, y=LABELS, **array)
    data.columns = {"who": "person"}
    assert _refused(data) == message


def test_other_files_of_a_folder_of_arrays_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", noise(4, 5, 3, 3))
    np.save(tmp_path / "labels.npy", LABELS)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more").mkdir()
    data = Data(path=str(tmp_path), color=Color.rgb, splits=Splits(SplitBy.seed))
    assert npz.load(data).left_out == ["more/", "notes.txt"]
