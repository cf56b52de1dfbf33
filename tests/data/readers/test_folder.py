"""Listing of images below a folder."""

from pathlib import Path

import pytest

from edgebake.data.readers.folder import IMAGES, describe_kinds, list_files
from edgebake.errors import DataError


def _touch(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def test_images_are_in_the_order_of_names_and_other_known_files_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "b/2.PNG", "b/10.jpg", "a/1.webp", "b/labels.csv", "a/.hidden", "README")
    (tmp_path / "c").mkdir()
    content = list_files(tmp_path, IMAGES)
    assert content.files == ["a/1.webp", "b/10.jpg", "b/2.PNG"]
    assert content.empty_folders == ["c"]
    assert content.left_out == ["README", "a/.hidden", "b/labels.csv"]


NAMES_OF_FILES = [
    "README",
    "LICENSE",
    "NOTICE",
    "COPYING",
    ".NET",
    "data.json",
    "page.xml",
    "a.png",
]


@pytest.mark.parametrize("name", NAMES_OF_FILES)
def test_a_folder_with_images_is_listed_whatever_its_name(tmp_path: Path, name: str) -> None:
    _touch(tmp_path, f"{name}/1.png", f"{name}/notes.txt", "dogs/1.png")
    content = list_files(tmp_path, IMAGES)
    assert sorted(content.files) == sorted([f"{name}/1.png", "dogs/1.png"])
    assert content.left_out == [f"{name}/notes.txt"]


def test_folders_without_images_and_those_of_programs_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "README/a.rtf", ".ipynb_checkpoints/cat.png", "__MACOSX/._1.png", "cats/1.png")
    content = list_files(tmp_path, IMAGES)
    assert content.files == ["cats/1.png"]
    assert content.left_out == [".ipynb_checkpoints/", "README/", "__MACOSX/"]
    assert describe_kinds([*content.left_out, "b.txt", "LICENSE"]) == (
        "3 folders (.ipynb_checkpoints/, README/, __MACOSX/); 1 with .txt (b.txt); "
        "1 with no suffix (LICENSE)"
    )


def test_a_folder_named_like_an_image_and_without_images_is_an_image(tmp_path: Path) -> None:
    _touch(tmp_path, "cats/1.png", "cats/2.png/notes.txt")
    assert list_files(tmp_path, IMAGES).files == ["cats/1.png", "cats/2.png"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "no images; expected one sub-folder per class"),
        (["a/1.png", "a/2.gif", "b"], "1 with .gif (a/2.gif); 1 with no suffix (b)"),
    ],
)
def test_a_folder_without_images_or_with_other_files_is_refused(
    tmp_path: Path, paths: list[str], message: str
) -> None:
    with pytest.raises(DataError) as refused:
        list_files(_touch(tmp_path, *paths), IMAGES)
    assert message in str(refused.value)


def test_a_link_to_a_parent_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.png")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    with pytest.raises(DataError, match="a link to a folder that it lies in"):
        list_files(tmp_path, IMAGES)
