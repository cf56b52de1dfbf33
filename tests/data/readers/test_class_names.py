"""Names of classes that would shift, repeat or hide a line of labels.txt are refused by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgebake.data.readers import class_names, labels
from edgebake.data.sources import image_folder, npz, python
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy, Splits

INVISIBLE = "has an invisible character; expected visible text in one line"
BAD = {
    "cat\ndog": ("cat\\ndog", INVISIBLE),
    "cat\rdog": ("cat\\rdog", INVISIBLE),
    "cat\x0bdog": ("cat\\x0bdog", INVISIBLE),
    "cat\x85dog": ("cat\\x85dog", INVISIBLE),
    "cat\u2028dog": ("cat\\u2028dog", INVISIBLE),
    "cat\x00": ("cat\\x00", INVISIBLE),
    "a\x1b[2Kb": ("a\\x1b[2Kb", INVISIBLE),
    "\u202etac": ("\\u202etac", INVISIBLE),
    "c\u200bat": ("c\\u200bat", INVISIBLE),
    "\ufeffcat": ("\\ufeffcat", INVISIBLE),
    "cat\udcff": ("cat\\udcff", INVISIBLE),
    "": ("", "has no visible characters; expected a name"),
    " ": (" ", "has no visible characters; expected a name"),
    " cat": (" cat", "begins or ends with a space; expected none there"),
    "cat\u00a0": ("cat\u00a0", "begins or ends with a space; expected none there"),
    "x" * 201: ("x" * 200 + "...", "has 201 characters; expected at most 200"),
}
GOOD = ["=cmd|' /C calc'!A0", "<script>", "..x", "é", "猫", "-1", "T-shirt/top", "x" * 200]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_is_no_visible_line_is_refused(name: str) -> None:
    shown, problem = BAD[name]
    with pytest.raises(DataError) as refused:
        class_names.check("pets", ["bird", name])
    assert str(refused.value) == f"pets: the class '{shown}' {problem}"


def test_names_that_are_only_unusual_are_taken() -> None:
    class_names.check("pets", GOOD)
    lines = "".join(f"{name}\n" for name in GOOD)
    assert lines.splitlines() == GOOD


def test_names_that_are_the_same_text_are_refused() -> None:
    with pytest.raises(DataError) as refused:
        class_names.check("pets", ["\u00e9", "e\u0301"])
    assert str(refused.value) == (
        "pets: the classes '\\xe9' and 'e\\u0301' are the same text in another Unicode form; "
        "expected different names"
    )


def _data(path: Path, **fields: object) -> Data:
    splits = Splits(by=SplitBy.seed, train=0.5, calibration=0.1, validation=0.2, test=0.2)
    return Data(path=str(path), color=Color.grayscale, splits=splits, **fields)  # type: ignore[arg-type]


def test_a_folder_of_a_class_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("bird", "cat\ndog"):
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2)).save(tmp_path / name / "1.png")
    with pytest.raises(DataError) as refused:
        image_folder.load(_data(tmp_path))
    assert str(refused.value) == f"{tmp_path}: the class 'cat\\ndog' {INVISIBLE}"


def test_a_class_of_an_array_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, x=np.zeros((2, 2, 2), np.uint8), y=np.array(["bird", "cat\ndog"]))
    with pytest.raises(DataError) as refused:
        npz.load(_data(file))
    assert str(refused.value) == f"{file}: the class 'cat\\ndog' {INVISIBLE}"


def test_a_class_of_a_function_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "examples.py"
    file.write_text(
        "import numpy as np\n"
        "from edgebake.data.dataset import Examples\n"
        "def examples(path):\n"
        "    return Examples([np.zeros((2, 2), np.uint8)], np.zeros(1, int), ['a', 'b\\nc'])\n"
    )
    with pytest.raises(DataError) as refused:
        python.load(_data(file))
    assert str(refused.value) == f"{file}: examples(): the class 'b\\nc' {INVISIBLE}"


def test_a_class_of_a_table_is_refused_by_name(tmp_path: Path) -> None:
    from edgebake.recipe import Table

    for number in range(2):
        Image.new("L", (2, 2)).save(tmp_path / f"{number}.png")
    (tmp_path / "table.csv").write_text('file,kind\n0.png,bird\n1.png,"cat\ndog"\n')
    table = Table(file="table.csv", image="file", label="kind", split=None)
    with pytest.raises(DataError) as refused:
        image_folder.load(_data(tmp_path, table=table))
    assert str(refused.value) == f"{tmp_path}: the class 'cat\\ndog' {INVISIBLE}"


@pytest.mark.parametrize("line", ["a\u2028b", "\u200b"])
def test_a_line_of_a_labels_file_is_refused_by_name(tmp_path: Path, line: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(f"bird\n{line}\n".encode())
    with pytest.raises(DataError) as refused:
        labels.read_labels_file(Data(path="pets", labels=str(file)))
    shown = line.encode("unicode_escape").decode()
    assert str(refused.value) == f"{file}: the class '{shown}' {INVISIBLE}"


def test_a_labels_file_that_is_a_pipe_is_not_opened(tmp_path: Path) -> None:
    import os

    file = tmp_path / "labels.txt"
    os.mkfifo(file)
    with pytest.raises(DataError) as refused:
        labels.read_labels_file(Data(path="pets", labels=str(file)))
    assert str(refused.value) == f"{file}: not a file; expected a file, or a link to one"


def test_a_labels_file_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    with file.open("wb") as written:
        written.truncate(1 << 40)  # a hole
    with pytest.raises(DataError) as refused:
        labels.read_labels_file(Data(path="pets", labels=str(file)))
    assert str(refused.value) == f"{file}: 1,099,511,627,776 bytes; expected at most 16,777,216"
