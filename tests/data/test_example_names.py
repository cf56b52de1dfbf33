"""Names of examples find the image, and do not tell where the dataset lies."""

import pytest

from edgebake.data.example_names import shareable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cats/1.png", "cats/1.png"),
        ("x_test[12]", "x_test[12]"),
        ("row 12", "row 12"),
        ("", "example 7"),
        ("/home/ann/secret/1.png", "1.png (example 7)"),
        ("~ann/1.png", "1.png (example 7)"),
        ("file:///home/ann/1.png", "1.png (example 7)"),
        (r"C:\Users\ann\1.png", "1.png (example 7)"),
        (r"\\server\share\1.png", "1.png (example 7)"),
        ("/data/pets/cats/1.png", "cats/1.png"),
        ("=cmd", "=cmd"),
        ("a: b", "a: b"),
    ],
)
def test_a_name_is_relative_to_the_dataset(name: str, shown: str) -> None:
    assert shareable(name, 7, "/data/pets") == shown


def test_a_dataset_without_a_path_has_no_folder() -> None:
    assert shareable("/data/pets/1.png", 0, None) == "1.png (example 0)"
