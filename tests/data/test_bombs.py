"""Data of strangers that would fill the memory, never end, or read other files: refused early."""

import io
import os
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from PIL import Image

from edgebake.data.readers import arrays, folder, records, tables
from edgebake.data.readers.decode import decode, decode_file, open_image_file
from edgebake.errors import DataError
from edgebake.recipe import Color, Table
from tests.images import png_of_size

RGB = Color.rgb
MB = 1_000_000


@pytest.fixture
def memory() -> Iterator[None]:
    """Refuse a test that allocates more than 50 MB, where Python and NumPy count it."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * MB


def _header(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    written = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(written, fields)
    return written.getvalue()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def _archive(file: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file


def _refused(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        arrays.find_pairs(path)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_a_compressed_npz_that_does_not_fit_into_memory(tmp_path: Path, memory: None) -> None:
    file = tmp_path / "b.npz"
    pixels = bytes(MB)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(_header((30, 1000, 1000)))
            for _ in range(30):
                member.write(pixels)
        archive.writestr("y.npy", _npy(np.arange(30) % 10))
    with pytest.raises(DataError) as refused:
        arrays.find_pairs(file, max_gigabytes=0.02)
    assert str(refused.value) == (
        f"{file}: its compressed arrays take 0.03 GB of memory; expected at most 0.02: raise "
        "data.max_gigabytes, or save with numpy.savez, whose arrays stay on disk"
    )
    assert arrays.find_pairs(file)[0].images.shape == (30, 1000, 1000)


@pytest.mark.parametrize(
    ("shape", "promised"), [((1 << 40, 8, 8), "70,368,744,177,792"), ((1, 1, 9), "137")]
)
def test_a_header_that_promises_more_than_there_is(
    tmp_path: Path, memory: None, shape: tuple[int, ...], promised: str
) -> None:
    content = _header(shape) + b"123"
    problem = f"cannot be read (x has 131 bytes, and its header promises {promised}); "
    expected = problem + "expected a .npz, or a folder of .npy files"
    file = _archive(tmp_path / "h.npz", x=content, y=_npy(np.arange(4)))
    assert _refused(file) == expected
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.npy").write_bytes(content)
    np.save(tmp_path / "d" / "y.npy", np.arange(4))
    assert _refused(tmp_path / "d") == expected


@pytest.mark.parametrize(
    "header",
    [
        "[" * 5000,
        "-" * 5000 + "1",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-5, 8, 8)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "9" * 4999 + ",)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 'abc'}",
        "{'descr': ['|u1'], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': {}, 'fortran_order': 3, 'shape': (1,)}",
        "",
    ],
)
def test_a_header_that_is_none(tmp_path: Path, header: str) -> None:
    text = header.encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    file = _archive(tmp_path / "h.npz", x=content, y=_npy(np.arange(4)))
    assert _refused(file).startswith("cannot be read (")


def test_an_array_that_is_there_twice(tmp_path: Path) -> None:
    file = tmp_path / "t.npz"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x.npy", _npy(np.zeros((1, 2, 2), np.uint8)))
            archive.writestr("x.npy", _npy(np.ones((1, 2, 2), np.uint8)))
    assert _refused(file) == (
        "cannot be read (x is there twice); expected a .npz, or a folder of .npy files"
    )


def test_an_archive_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    assert _refused(tmp_path / "a.npz") == "not a file; expected a file, or a link to one"


def test_a_pipe_in_a_folder_of_arrays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(DataError) as refused:
        arrays.find_pairs(tmp_path)
    assert str(refused.value) == f"{tmp_path}/x.npy: not a file; expected a file, or a link to one"


def test_an_array_outside_of_the_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", np.zeros(3))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.npy").symlink_to("../secret.npy")
    with pytest.raises(DataError) as refused:
        arrays.find_pairs(tmp_path / "d")
    assert str(refused.value) == (
        f"{tmp_path}/d/x.npy: a link to {tmp_path}/secret.npy, which is outside of {tmp_path}/d; "
        "expected the file itself: copy it"
    )


def _webp_of(width: int, height: int) -> bytes:
    """Return a WebP of one color, of less than a kilobyte, whose header has another size."""
    written = io.BytesIO()
    Image.new("L", (16, 16)).save(written, "WEBP", lossless=True)
    content = bytearray(written.getvalue())
    start = content.index(b"VP8L") + 9
    old = int.from_bytes(content[start : start + 4], "little")
    size = (width - 1) | (height - 1) << 14
    content[start : start + 4] = (old >> 28 << 28 | size).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png_of_size(13_300, 13_300), "13300 x 13300 pixels, 176.9 megapixels"),
        (png_of_size(16_000, 16_000), "16000 x 16000 pixels, 256.0 megapixels"),
        (png_of_size(2**31 - 1, 1), "2147483647 x 1 pixels, 2,147.5 megapixels"),
        (_webp_of(16_383, 16_383), "16383 x 16383 pixels, 268.4 megapixels"),
    ],
    ids=["177 megapixels", "256 megapixels", "a long line", "WebP"],
)
def test_an_image_of_too_many_pixels(content: bytes, size: str, memory: None) -> None:
    with pytest.raises(DataError) as refused:
        decode(content, RGB, "a.png")
    assert str(refused.value) == (
        f"a.png: not an image that can be read ({size}; expected at most 64, or more in "
        "data.max_megapixels); repair or remove it, or set `on_corrupt: skip`"
    )


def test_the_recipe_may_allow_larger_images() -> None:
    written = io.BytesIO()
    Image.new("L", (200, 100)).save(written, "PNG")
    content = written.getvalue()
    with pytest.raises(DataError, match=r"0\.0 megapixels; expected at most 0\.01, or more in"):
        decode(content, Color.grayscale, "a.png", 0.01)
    assert decode(content, Color.grayscale, "a.png", 0.02).shape == (100, 200)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_metadata_of_a_png_that_unpacks_to_much(name: bytes, memory: None) -> None:
    packed = zlib.compress(bytes(40 * MB))
    fields = {b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}
    sound = png_of_size(2, 2)
    content = sound[:33] + _chunk(name, fields[name] + packed) + sound[33:]
    with pytest.raises(DataError, match=r"^a\.png: not an image that can be read \("):
        decode(content, RGB, "a.png")


def test_a_jpeg_of_many_scans() -> None:
    written = io.BytesIO()
    Image.new("L", (16, 16)).save(written, "JPEG", progressive=True)
    content = written.getvalue()
    start = content.rindex(b"\xff\xda")
    scan = content[start:-2]
    with pytest.raises(DataError) as refused:
        decode(content[:-2] + scan * 600 + content[-2:], RGB, "a.jpg")
    assert "scans; expected at most 500); repair" in str(refused.value)


def test_a_16_bit_image_is_converted_in_parts(memory: None) -> None:
    values = (np.arange(1000 * 1000).reshape(1000, 1000) % 65536).astype(np.uint16)
    written = io.BytesIO()
    Image.fromarray(values).save(written, "PNG")
    pixels = decode(written.getvalue(), Color.grayscale, "a.png")
    np.testing.assert_array_equal(pixels, (values.astype(np.int64) + 128) // 257)


def test_a_file_with_a_hole_is_not_read(tmp_path: Path, memory: None) -> None:
    file = tmp_path / "a.png"
    with file.open("wb") as written:
        written.truncate(1 << 40)
    with pytest.raises(DataError) as refused:
        open_image_file(file, RGB)
    assert str(refused.value) == (
        f"{file}: 1,099,511,627,776 bytes; expected at most 257,048,576, for 64 megapixels: "
        "raise data.max_megapixels"
    )


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_an_image_that_is_no_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.png"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    reason = {"pipe": "not a file", "device": "not a file", "folder": "a folder"}[kind]
    with pytest.raises(DataError, match=rf"^{file}: not an image that can be read \({reason}\)"):
        decode_file(file, RGB)


def _images(path: Path) -> Path:
    (path / "cats").mkdir(parents=True)
    Image.new("L", (2, 2)).save(path / "cats" / "1.png")
    return path


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "../../secret.png", "/etc"])
def test_a_link_out_of_the_folder_of_the_data(tmp_path: Path, target: str) -> None:
    data = _images(tmp_path / "images")
    Image.new("L", (2, 2)).save(tmp_path / "secret.png")
    link = data / "cats" / "z.png"
    link.symlink_to(target)
    real = os.path.realpath(link)
    with pytest.raises(DataError) as refused:
        folder.list_files(data, folder.IMAGES)
    assert str(refused.value) == (
        f"{link}: a link to {real}, which is outside of {data}; expected the file itself: copy it"
    )


def test_a_folder_outside_of_the_folder_of_the_data(tmp_path: Path) -> None:
    data = _images(tmp_path / "images")
    _images(tmp_path / "private")
    (data / "dogs").symlink_to("../private/cats")
    with pytest.raises(DataError, match=r"/dogs: a link to .*, which is outside of "):
        folder.list_files(data, folder.IMAGES)


def test_links_within_the_folder_and_into_the_cache_of_dvc_are_followed(tmp_path: Path) -> None:
    data = _images(tmp_path / "images")
    (data / "cats" / "2.png").symlink_to("1.png")
    cached = tmp_path / "cache" / "files" / "md5" / "ab" / ("0" * 30)
    cached.parent.mkdir(parents=True)
    cached.write_bytes((data / "cats" / "1.png").read_bytes())
    (data / "cats" / "3.png").symlink_to(cached)
    (tmp_path / "link").symlink_to(data)
    expected = ["cats/1.png", "cats/2.png", "cats/3.png"]
    assert folder.list_files(tmp_path / "link", folder.IMAGES).files == expected


TABLE = Table(file="table.csv", image="file", label="kind", split=None)


def _table_refused(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        tables.read_rows(path, TABLE)
    return str(refused.value).removeprefix(f"{path}/table.csv: ")


def test_a_line_of_a_table_that_never_ends(tmp_path: Path, memory: None) -> None:
    with (tmp_path / "table.csv").open("wb") as written:
        written.write(b"file,kind\n1.png,")
        written.truncate(1 << 40)
    assert _table_refused(tmp_path) == ("line 2 has more than 1,000,000 characters; expected fewer")


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,kind" + ",x" * 5000 + "\n1.png\n")
    assert _table_refused(tmp_path) == "5,002 columns; expected at most 200"


def test_a_table_with_an_invisible_name_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,kind,\x1b[2K\n1.png,a,b\n")
    assert _table_refused(tmp_path) == (
        "the column '\\x1b[2K' has an invisible character; expected visible text"
    )


def test_a_table_outside_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "table.csv").symlink_to("/etc/passwd")
    assert _table_refused(tmp_path) == (
        f"a link to /etc/passwd, which is outside of {tmp_path}; expected the file itself: copy it"
    )


def test_a_record_of_an_absurd_length(tmp_path: Path, memory: None) -> None:
    file = tmp_path / "a.tfrecord"
    length = struct.pack("<Q", 1 << 39)
    checksum = int(google_crc32c.value(length))
    masked = ((checksum >> 15 | checksum << 17) + records.MASK) & 0xFFFFFFFF
    with file.open("wb") as written:
        written.write(length + struct.pack("<I", masked))
        written.truncate(1 << 40)
    with pytest.raises(DataError) as refused:
        list(records.index_file(file, 257_048_576))
    assert str(refused.value) == (
        f"{file}: record 0: 549,755,813,888 bytes; expected at most 257,048,576: "
        "raise data.max_megapixels"
    )


def test_names_of_files_are_escaped_in_messages(tmp_path: Path) -> None:
    data = _images(tmp_path / "images")
    (data / "cats" / "\x1b[2K\u202e.exe").touch()
    with pytest.raises(DataError) as refused:
        folder.list_files(data, folder.IMAGES)
    assert "1 with .exe (cats/\\x1b[2K\\u202e.exe)" in str(refused.value)
