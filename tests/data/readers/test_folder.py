"""Listing of images below a folder."""

from pathlib import Path

import pytest

from edgebake.data.readers.folder import list_images
from edgebake.errors import DataError


def _touch(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def test_images_are_in_the_order_of_names_and_other_known_files_are_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "b/2.PNG", "b/10.jpg", "a/1.webp", "b/labels.csv", "a/.hidden", "README")
    (tmp_path / "c").mkdir()
    content = list_images(tmp_path)
    assert content.images == ["a/1.webp", "b/10.jpg", "b/2.PNG"]
    assert content.empty_folders == ["c"]


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
        list_images(_touch(tmp_path, *paths))
    assert message in str(refused.value)


def test_a_link_to_a_parent_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.png")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    with pytest.raises(DataError, match="a link to a folder that it lies in"):
        list_images(tmp_path)
