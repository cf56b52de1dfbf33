"""A folder of images: classes, order, colours, and what cannot be used."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data import image_folder
from pipeline.errors import DataError
from pipeline.recipe import Colour, Data

RED = (255, 0, 0)


def _png(file: Path, colour: tuple[int, int, int], size: tuple[int, int] = (3, 2)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Two dogs and a cat, written in another order than that of their names."""
    _png(tmp_path / "dogs" / "b.png", (2, 2, 2))
    _png(tmp_path / "dogs" / "a.PNG", (1, 1, 1), size=(5, 4))
    _png(tmp_path / "cats" / "z.png", RED)
    return Data(path=str(tmp_path), colour=Colour.rgb)


def test_folders_are_classes_in_the_order_of_their_names(data: Data) -> None:
    examples = image_folder.load(data)
    assert examples.classes == ["cats", "dogs"]
    assert examples.labels.tolist() == [0, 1, 1]


def test_files_are_taken_in_the_order_of_their_names_and_in_their_own_size(data: Data) -> None:
    images = image_folder.load(data).images
    assert [image.shape for image in images] == [(2, 3, 3), (4, 5, 3), (2, 3, 3)]
    assert [int(image[0, 0, 2]) for image in images] == [0, 1, 2]


def test_rgb_keeps_the_channels_and_grey_takes_their_luma(data: Data) -> None:
    assert image_folder.load(data).images[0][0, 0].tolist() == list(RED)
    data.colour = Colour.grey
    cat = image_folder.load(data).images[0]
    # ITU-R 601-2: 0.299 * 255 = 76.2
    assert cat.shape == (2, 3)
    assert cat.dtype == np.uint8
    assert cat[0, 0] == 76


def test_other_files_are_no_images(data: Data) -> None:
    (Path(data.path) / "dogs" / "notes.txt").write_text("two dogs")
    (Path(data.path) / "README.md").write_text("dogs and cats")
    assert image_folder.count(data) == 3
    assert len(image_folder.load(data).images) == 3


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder; expected one sub-folder of images per class"):
        image_folder.count(Data(path=str(tmp_path / "nowhere"), colour=Colour.rgb))


def test_folder_without_images_says_which_files_it_takes(tmp_path: Path) -> None:
    _png(tmp_path / "not_in_a_class.png", RED)
    with pytest.raises(DataError, match=r"no images; expected one sub-folder per class with \.bmp, \.jpeg"):
        image_folder.load(Data(path=str(tmp_path), colour=Colour.rgb))


def test_class_without_images_is_named(data: Data) -> None:
    (Path(data.path) / "birds").mkdir()
    with pytest.raises(DataError, match=r"birds: no images; expected .* files of the class 'birds'"):
        image_folder.count(data)


def test_broken_image_is_named(data: Data) -> None:
    (Path(data.path) / "cats" / "torn.png").write_bytes(b"\x89PNG torn")
    with pytest.raises(DataError, match=r"cats/torn\.png: not an image that can be read"):
        image_folder.load(data)


def test_image_cut_short_is_named(data: Data) -> None:
    whole = Path(data.path) / "cats" / "z.png"
    whole.write_bytes(whole.read_bytes()[:-25])
    with pytest.raises(DataError, match=r"cats/z\.png: not an image that can be read"):
        image_folder.load(data)


def _columns(data: Data, *lines: str) -> None:
    (Path(data.path) / "columns.csv").write_text("".join(f"{line}\n" for line in lines))


def test_without_a_table_nothing_more_is_known_of_an_image(data: Data) -> None:
    assert image_folder.columns(data) == []
    assert image_folder.load(data).columns == {}


def test_columns_say_more_of_each_image_in_the_order_of_the_images(data: Data) -> None:
    _columns(data, "light,file,room", "day,dogs/b.png,hall", "night,cats/z.png,attic", "dusk,dogs/a.PNG,")
    assert image_folder.columns(data) == ["light", "room"]
    assert image_folder.load(data).columns == {"light": ["night", "dusk", "day"], "room": ["attic", "", "hall"]}


def test_a_line_that_ends_early_leaves_its_last_columns_empty(data: Data) -> None:
    _columns(data, "file,light", "dogs/b.png", "cats/z.png,night", "dogs/a.PNG,dusk")
    assert image_folder.load(data).columns == {"light": ["night", "dusk", ""]}


def test_a_table_is_no_image_and_no_class(data: Data) -> None:
    _columns(data, "file,light")
    assert image_folder.count(data) == 3


def test_an_image_that_the_table_leaves_out_is_named(data: Data) -> None:
    _columns(data, "file,light", "dogs/b.png,day", "cats/z.png,night")
    with pytest.raises(DataError) as refused:
        image_folder.load(data)
    assert str(refused.value) == (f"{data.path}/columns.csv: no line for dogs/a.PNG; expected one for every image")


def test_a_table_that_names_no_images_is_refused(data: Data) -> None:
    _columns(data, "image,light", "dogs/b.png,day")
    with pytest.raises(DataError) as refused:
        image_folder.load(data)
    assert str(refused.value) == (
        f"{data.path}/columns.csv: no column 'file'; expected one that names each image, cats/1.jpg for one"
    )
