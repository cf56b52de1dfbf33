"""A folder of images: classes, splits, tables, order, colors, and what cannot be used."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgebake.data.sources import digits, image_folder
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy, Splits, Table
from tests.images import damaged_folder, digits_folder

RED = (255, 0, 0)


def _png(file: Path, color: tuple[int, int, int] = RED, size: tuple[int, int] = (3, 2)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(file)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Two dogs and a cat, written in another order than that of their names."""
    _png(tmp_path / "dogs" / "b.png", (2, 2, 2))
    _png(tmp_path / "dogs" / "a.PNG", (1, 1, 1), size=(5, 4))
    _png(tmp_path / "cats" / "z.png", RED)
    return Data(path=str(tmp_path), color=Color.rgb, splits=Splits(SplitBy.seed))


@pytest.fixture
def split(tmp_path: Path) -> Data:
    """Cats and dogs, two of each to train with, one to look at and one to test."""
    for folder, files in {"train": "ab", "Val": "c", "test": "d"}.items():
        for name in ("cats", "dogs"):
            for file in files:
                _png(tmp_path / folder / name / f"{file}.png")
    return Data(path=str(tmp_path), color=Color.rgb, splits=Splits(SplitBy.source))


def _refused(data: Data) -> str:
    """Return what the planner and every stage say, without the folder."""
    message = set()
    for ask in (image_folder.count, image_folder.load):
        with pytest.raises(DataError) as refused:
            ask(data)
        message.add(str(refused.value).removeprefix(f"{data.path}: ").removeprefix(f"{data.path}/"))
    (text,) = message
    return text


def test_folders_are_classes_in_the_order_of_their_names(data: Data) -> None:
    examples = image_folder.load(data)
    assert examples.classes == ["cats", "dogs"]
    assert examples.labels.tolist() == [0, 1, 1]
    assert examples.labels.dtype == np.int64


def test_files_are_taken_in_the_order_of_their_names_and_in_their_own_size(data: Data) -> None:
    examples = image_folder.load(data)
    assert examples.names == ["cats/z.png", "dogs/a.PNG", "dogs/b.png"]
    assert [image.shape for image in examples.inputs] == [(2, 3, 3), (4, 5, 3), (2, 3, 3)]
    assert [int(image[0, 0, 2]) for image in examples.inputs] == [0, 1, 2]


def test_rgb_keeps_the_channels_and_grey_takes_their_luma(data: Data) -> None:
    assert image_folder.load(data).inputs[0][0, 0].tolist() == list(RED)
    data.color = Color.grayscale
    cat = image_folder.load(data).inputs[0]
    # ITU-R 601-2: 0.299 * 255 = 76.2
    assert cat.shape == (2, 3)
    assert cat.dtype == np.uint8
    assert cat[0, 0] == 76


def test_a_folder_of_the_digits_is_the_digits(tmp_path: Path) -> None:
    digits_folder(tmp_path / "digits")
    data = Data(path=str(tmp_path / "digits"), color=Color.grayscale)
    loaded, expected = image_folder.load(data), digits.load(Data())
    assert image_folder.count(data) == {"": 1797}
    assert loaded.classes == expected.classes
    numbers = [int(Path(name).stem) for name in loaded.names]
    assert loaded.labels.tolist() == expected.labels[numbers].tolist()
    for image, number in zip(loaded.inputs, numbers, strict=True):
        np.testing.assert_array_equal(image, expected.inputs[number])


def test_listing_reads_no_image(data: Data) -> None:
    (data.location / "cats" / "torn.png").write_bytes(b"\x89PNG torn")
    examples = image_folder.load(data)
    assert len(examples.inputs) == 4
    assert examples.inputs[1].shape == (2, 3, 3)
    with pytest.raises(DataError, match=r"cats/torn\.png: not an image that can be read"):
        examples.inputs[0]


def test_a_damaged_file_is_an_example_that_cannot_be_read(data: Data) -> None:
    damaged_folder(data.location / "bad")
    examples = image_folder.load(data)
    bad = [number for number, name in enumerate(examples.names) if name.startswith("bad/")]
    assert len(bad) == 16
    for number in bad:
        with pytest.raises(DataError, match=examples.names[number]):
            examples.inputs[number]


def test_texts_and_hidden_files_are_no_images_and_are_named(data: Data) -> None:
    root = data.location
    for name in (
        "README.md",
        "LICENSE",
        "notes.csv",
        ".DS_Store",
        "dogs/notes.txt",
        "dogs/Thumbs.db",
        "dogs/._a.png",
    ):
        (root / name).write_text("two dogs")
    for name in ("__MACOSX", ".cache"):
        _png(root / name / "x.png")
    assert image_folder.count(data) == {"": 3}
    examples = image_folder.load(data)
    assert len(examples.inputs) == 3
    assert examples.left_out == [
        ".DS_Store",
        ".cache/",
        "LICENSE",
        "README.md",
        "__MACOSX/",
        "dogs/._a.png",
        "dogs/Thumbs.db",
        "dogs/notes.txt",
        "notes.csv",
    ]


def test_a_folder_of_images_is_a_class_whatever_its_name(data: Data) -> None:
    names = ["README", "LICENSE", "NOTICE", "COPYING", ".NET", "data.json", "page.xml", "c++"]
    for name in names:
        _png(data.location / name / "x.png")
    examples = image_folder.load(data)
    assert examples.classes == sorted([*names, "cats", "dogs"])
    assert image_folder.count(data) == {"": 11}
    assert examples.left_out == []


def test_files_that_the_recipe_names_are_not_left_out(data: Data) -> None:
    _table(data, "file,light", "dogs/b.png,day", "cats/z.png,day", "dogs/a.PNG,day")
    (data.location / "labels.txt").write_text("dogs\ncats\n")
    data.labels = str(data.location / "labels.txt")
    assert image_folder.load(data).left_out == []


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="nowhere: no such folder; expected one sub-folder of images per class"
    ):
        image_folder.count(Data(path=str(tmp_path / "nowhere"), color=Color.rgb))


def test_folder_without_images_says_which_files_it_takes(data: Data, tmp_path: Path) -> None:
    data.path = str(tmp_path / "new")
    (tmp_path / "new").mkdir()
    expected = (
        "no images; expected one sub-folder per class with .bmp, .jpeg, .jpg, .png, .webp files"
    )
    assert _refused(data) == expected


def test_class_without_images_is_named(data: Data) -> None:
    (data.location / "birds").mkdir()
    assert (
        _refused(data)
        == "birds: no images; expected .bmp, .jpeg, .jpg, .png, .webp files of the class 'birds'"
    )


def test_files_of_other_kinds_are_listed(data: Data) -> None:
    for name in ("dogs/c.gif", "dogs/d.GIF", "cats/raw"):
        (data.location / name).write_bytes(b"GIF89a")
    assert _refused(data) == (
        "files of other kinds: 2 with .gif (dogs/c.gif, dogs/d.GIF); 1 with no suffix (cats/raw); "
        "expected .bmp, .jpeg, .jpg, .png, .webp: convert or remove them"
    )


def test_an_image_in_no_class_is_named(data: Data) -> None:
    _png(data.location / "stray.png")
    assert _refused(data) == "not in the folder of a class: stray.png; expected <class>/<image>"


def test_classes_within_classes_are_named(data: Data) -> None:
    _png(data.location / "cats" / "persian" / "a.png")
    assert (
        _refused(data)
        == "sub-folders in the folder of a class: cats/persian/a.png; expected <class>/<image>"
    )


def test_one_class_is_refused(tmp_path: Path) -> None:
    _png(tmp_path / "cats" / "a.png")
    data = Data(path=str(tmp_path), color=Color.rgb)
    assert _refused(data) == "all examples are of the class 'cats'; expected two classes or more"


def test_a_link_to_a_folder_above_it_is_named(data: Data) -> None:
    (data.location / "cats" / "again").symlink_to(data.location)
    assert _refused(data) == "cats/again: a link to a folder that it lies in; expected images"


def test_labels_give_the_order_of_the_answers_and_may_name_classes_without_images(
    data: Data,
) -> None:
    file = data.location / "labels.txt"
    file.write_text("dogs\nbirds\ncats\n")
    (data.location / "birds").mkdir()
    data.labels = str(file)
    examples = image_folder.load(data)
    assert examples.classes == ["dogs", "birds", "cats"]
    assert dict(zip(examples.names, examples.labels.tolist(), strict=True)) == {
        "cats/z.png": 2,
        "dogs/a.PNG": 0,
        "dogs/b.png": 0,
    }


def test_folders_say_the_splits(split: Data) -> None:
    examples = image_folder.load(split)
    assert (
        image_folder.count(split)
        == {"train": 4, "validation": 2, "test": 2}
        == Counter(examples.splits)
    )
    assert examples.classes == ["cats", "dogs"]
    assert dict(zip(examples.names, examples.splits, strict=True))["Val/dogs/c.png"] == "validation"
    assert examples.labels[examples.names.index("Val/dogs/c.png")] == 1


def test_splits_are_not_drawn_from_folders_that_are_splits(split: Data) -> None:
    split.splits = Splits(SplitBy.seed)
    assert (
        _refused(split)
        == "its folders Val/, test/, train/ are splits; expected `data.splits.by: source` for them"
    )


def test_folders_that_are_no_splits_are_named(split: Data) -> None:
    (split.location / "test").rename(split.location / "tests")
    assert _refused(split) == (
        "tests: not a split, which `by: source` requires; expected train, val, test "
        "(and calibration) "
        "folders, each with a "
        "folder for every class; did you mean 'test'?"
    )


def test_nothing_to_train_with_is_said(split: Data) -> None:
    (split.location / "train").rename(split.location / "calib")
    assert _refused(split).startswith(
        "holds calibration and test and validation but no training examples; expected"
    )


def test_a_class_that_train_lacks_is_named(split: Data) -> None:
    _png(split.location / "test" / "birds" / "a.png")
    assert _refused(split) == "test holds 'birds', train does not; expected every class in train"


def _table(data: Data, *lines: str, label: str | None = None, split: str | None = None) -> None:
    (data.location / "table.csv").write_text(
        "".join(f"{line}\n" for line in lines), encoding="utf-8-sig"
    )
    data.table = Table(file="table.csv", image="file", label=label, split=split)


def test_without_a_table_nothing_more_is_known_of_an_image(data: Data) -> None:
    assert image_folder.columns(data) == []
    assert image_folder.load(data).columns == {}


def test_columns_say_more_of_each_image_in_the_order_of_the_images(data: Data) -> None:
    _table(
        data,
        "light,file,room",
        "day,dogs/b.png,hall",
        "night,cats/z.png,attic",
        "dusk,./dogs/a.PNG,",
    )
    assert image_folder.columns(data) == ["light", "room"]
    assert image_folder.load(data).columns == {
        "light": ["night", "dusk", "day"],
        "room": ["attic", "", "hall"],
    }


def test_a_line_that_ends_early_leaves_its_last_columns_empty(data: Data) -> None:
    _table(data, "file,light", "dogs/b.png", "cats/z.png,night", "dogs/a.PNG,dusk")
    assert image_folder.load(data).columns == {"light": ["night", "dusk", ""]}


def test_a_table_says_labels_and_splits_of_images_that_lie_anywhere(data: Data) -> None:
    data.splits = Splits(SplitBy.source)
    _table(
        data,
        *(
            "kind,file,part,light",
            "pet,dogs/b.png,TRAIN,day",
            "wild,cats/z.png,train,day",
            "pet,dogs/a.PNG,val,dusk",
        ),
        label="kind",
        split="part",
    )
    examples = image_folder.load(data)
    assert examples.classes == ["pet", "wild"]
    assert dict(zip(examples.names, examples.labels.tolist(), strict=True)) == {
        "cats/z.png": 1,
        "dogs/a.PNG": 0,
        "dogs/b.png": 0,
    }
    assert examples.splits == ["train", "validation", "train"]
    assert examples.columns == {"light": ["day", "dusk", "day"]}
    assert image_folder.count(data) == {"train": 2, "validation": 1}


def test_a_table_says_the_splits_of_folders_of_classes(data: Data) -> None:
    data.splits = Splits(SplitBy.source)
    _table(
        data, "file,part", "dogs/b.png,train", "cats/z.png,train", "dogs/a.PNG,test", split="part"
    )
    examples = image_folder.load(data)
    assert (examples.classes, examples.splits) == (["cats", "dogs"], ["train", "test", "train"])


def test_a_table_that_says_splits_is_not_left_unheard(data: Data) -> None:
    _table(
        data, "file,part", "dogs/b.png,train", "cats/z.png,train", "dogs/a.PNG,test", split="part"
    )
    assert _refused(data) == "has its own splits: test and train; expected `data.splits.by: source`"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            ["file,kind", "dogs/b.png,a", "cats/z.png,b"],
            "no line for dogs/a.PNG; expected one for every file",
        ),
        (
            ["file,kind", "dogs/b.png,a", "cats/z.png,b", "dogs/a.PNG,b", "dogs/x.png,a"],
            "no such file: line 5 dogs/x.png; expected paths below the folder of the data",
        ),
        (
            ["file,kind", "dogs/b.png,a", "dogs/b.png,b"],
            "line 3 names dogs/b.png, as line 2 does; expected each file once",
        ),
        (
            ["file,kinds", "dogs/b.png,a"],
            "no column 'kind', which data.table.label names; expected one of: file, kinds; did "
            "you mean 'kinds'?",
        ),
        (
            ["image,kind", "dogs/b.png,a"],
            "no column 'file', which data.table.image names; expected one of: image, kind",
        ),
        (["file,kind", "dogs/b.png,"], "line 2 has no label; expected one in the column 'kind'"),
        (["file,kind", "dogs/b.png,a,b"], "line 2 has 3 cells; expected 2, as in the first line"),
        (
            ["file,kind,kind", "dogs/b.png,a,b"],
            "the column 'kind' is there twice; expected each once",
        ),
        ([], "empty; expected the names of the columns and a line for every file"),
    ],
)
def test_a_table_that_does_not_fit_names_the_line(lines: list[str], why: str, data: Data) -> None:
    _table(data, *lines, label="kind")
    assert _refused(data) == f"table.csv: {why}"


def test_a_table_with_another_word_for_a_split_names_the_line(data: Data) -> None:
    data.splits = Splits(SplitBy.source)
    _table(data, "file,part", "dogs/b.png,holdout", split="part")
    expected = (
        "table.csv: line 2 says 'holdout' in the column 'part'; expected train, validation, test "
        "or calibration"
    )
    assert _refused(data) == expected


def test_a_table_that_is_not_there_is_named(data: Data) -> None:
    data.table = Table(file="table.csv", image="file", label=None, split=None)
    assert (
        _refused(data)
        == "table.csv: no such file; expected the CSV that data.table.file names below data.path"
    )


def test_a_table_that_is_no_text_is_named(data: Data) -> None:
    _table(data)
    (data.location / "table.csv").write_bytes(b"file,kind\n\xff\xfe,a\n")
    assert _refused(data).startswith("table.csv: line 1 cannot be read ('utf-8' codec")


def test_columns_are_read_from_paths_and_sub_folders_of_a_class(data: Data) -> None:
    _png(data.location / "cats" / "ann" / "a.png")
    _png(data.location / "dogs" / "bob" / "deep" / "a.png")
    data.columns = {"size": "([^/]+)[.]"}
    examples = image_folder.load(data)
    assert image_folder.columns(data) == ["size"]
    assert dict(zip(examples.names, examples.columns["size"], strict=True)) == {
        "cats/ann/a.png": "a",
        "cats/z.png": "z",
        "dogs/a.PNG": "a",
        "dogs/b.png": "b",
        "dogs/bob/deep/a.png": "a",
    }
    assert [examples.classes[label] for label in examples.labels] == ["cats"] * 2 + ["dogs"] * 3


def test_a_path_without_a_value_is_named(data: Data) -> None:
    data.columns = {"person": "^dogs/(.)"}
    assert _refused(data) == (
        "data.columns.person has no value for cats/z.png; "
        "expected '^dogs/(.)' to match the path of every file"
    )


def test_a_column_of_paths_and_one_of_the_table_have_two_names(data: Data) -> None:
    _table(data, "file,light", "dogs/b.png,day", "cats/z.png,day", "dogs/a.PNG,day")
    data.columns = {"light": "(.)"}
    with pytest.raises(DataError) as refused:
        image_folder.columns(data)
    expected = "data.columns.light: table.csv has a column 'light'; expected another name"
    assert str(refused.value) == expected
