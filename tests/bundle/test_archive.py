"""The same content gives the same archive, whatever the file system says of it."""

import io
import os
import zipfile
from pathlib import Path

from edgebake.artifacts import write_files
from edgebake.bundle.archive import zip_folder

FILES = {"manifest.json": b"{}", "models/digits.tflite": b"\x00\x01", "Labels.txt": b"0\n1\n"}


def _folder(path: Path, files: dict[str, bytes]) -> Path:
    write_files(path, files)
    return path


def _entries(archive: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.infolist()


def test_order_of_creation_does_not_matter(tmp_path: Path) -> None:
    backwards = dict(reversed(FILES.items()))
    assert zip_folder(_folder(tmp_path / "one", FILES)) == zip_folder(
        _folder(tmp_path / "two", backwards)
    )


def test_dates_do_not_matter(tmp_path: Path) -> None:
    folder = _folder(tmp_path, FILES)
    before = zip_folder(folder)
    os.utime(folder / "manifest.json", (1_000_000_000, 1_000_000_000))
    assert zip_folder(folder) == before


def test_umask_does_not_matter(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        private = zip_folder(_folder(tmp_path / "private", FILES))
    finally:
        os.umask(old)
    shared = _folder(tmp_path / "shared", FILES)
    (shared / "manifest.json").chmod(0o777)
    assert zip_folder(shared) == private


def test_one_other_byte_gives_another_archive(tmp_path: Path) -> None:
    folder = _folder(tmp_path, FILES)
    before = zip_folder(folder)
    (folder / "models/digits.tflite").write_bytes(b"\x00\x02")
    assert zip_folder(folder) != before


def test_entries_are_sorted_by_bytes_dated_1980_and_not_compressed(tmp_path: Path) -> None:
    entries = _entries(zip_folder(_folder(tmp_path, FILES)))
    assert [entry.filename for entry in entries] == [
        "Labels.txt",
        "manifest.json",
        "models/digits.tflite",
    ]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_files_unpack_to_what_they_were(tmp_path: Path) -> None:
    archive = zip_folder(_folder(tmp_path / "bundle", FILES))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == FILES


def test_folder_of_a_core_ml_package_is_kept(tmp_path: Path) -> None:
    package = {
        "models/a.mlpackage/Manifest.json": b"{}",
        "models/a.mlpackage/Data/weights/weight.bin": b"w",
    }
    names = [entry.filename for entry in _entries(zip_folder(_folder(tmp_path, package)))]
    assert names == [
        "models/a.mlpackage/Data/weights/weight.bin",
        "models/a.mlpackage/Manifest.json",
    ]
