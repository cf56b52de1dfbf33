"""Create image folders: the digits as PNG files, and damaged files of every kind."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from edgebake.data.sources import digits
from edgebake.recipe import Data

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
# The message for each file.
DAMAGED = {
    "bomb.png": (
        "30000 x 30000 pixels, 900.0 megapixels; "
        "expected at most 64, or more in data.max_megapixels"
    ),
    "cut.jpg": "image file is truncated",
    "cut.png": "image file is truncated",
    "cut.webp": "could not create decoder object",
    "dangling.png": "a link to nowhere.png, which does not exist",
    "empty.jpg": "empty file",
    "folder.jpg": "a folder",
    "garbage.bmp": "no JPEG, PNG, BMP or WebP, or only a part of one",
    "gif.png": "a GIF; expected JPEG, PNG, BMP or WebP",
    "head.jpg": "no JPEG, PNG, BMP or WebP, or only a part of one",
    "heic.jpg": "a HEIC or AVIF; expected JPEG, PNG, BMP or WebP",
    "page.jpg": "a web page or XML; expected JPEG, PNG, BMP or WebP",
    "pointer.png": "a Git LFS pointer: run `git lfs pull`",
    "text.webp": "a text; expected JPEG, PNG, BMP or WebP",
    "tiff.bmp": "a TIFF; expected JPEG, PNG, BMP or WebP",
    "zero.png": "no JPEG, PNG, BMP or WebP, or only a part of one",
}


def noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return random pixels of a shape, for example [h, w, c]: they compress badly."""
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def digits_folder(path: Path) -> None:
    """Write the 1,797 digits as PNG files, a folder per class."""
    examples = digits.load(Data())
    for name in examples.classes:
        (path / name).mkdir(parents=True)
    for number, (image, label) in enumerate(zip(examples.inputs, examples.labels, strict=True)):
        Image.fromarray(image).save(path / examples.classes[label] / f"{number:04}.png")


def damaged_folder(path: Path) -> None:
    """Write a file of every kind of DAMAGED, straight into the folder."""
    path.mkdir(parents=True)
    picture = Image.fromarray(noise(64, 64, 3))
    for kind, file, share in (
        ("JPEG", "cut.jpg", 0.6),
        ("PNG", "cut.png", 0.6),
        ("WEBP", "cut.webp", 0.6),
    ):
        picture.save(path / file, kind)
        (path / file).write_bytes(_part((path / file).read_bytes(), share))
    picture.save(path / "head.jpg")
    (path / "head.jpg").write_bytes((path / "head.jpg").read_bytes()[:20])
    picture.save(path / "gif.png", "GIF")
    picture.save(path / "tiff.bmp", "TIFF")
    (path / "heic.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (path / "empty.jpg").touch()
    (path / "garbage.bmp").write_bytes(b"\0\xff" * 50)
    (path / "page.jpg").write_text("<!DOCTYPE html><title>404 Not Found</title>")
    (path / "text.webp").write_text("not an image")
    (path / "pointer.png").write_text(POINTER)
    (path / "bomb.png").write_bytes(png_of_size(30_000, 30_000))
    (path / "zero.png").write_bytes(png_of_size(0, 5))
    (path / "folder.jpg").mkdir()
    (path / "dangling.png").symlink_to("nowhere.png")


def _part(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header has a size and whose data is a single row."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0"),
        b"IEND": b"",
    }
    written = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks.items():
        length = struct.pack(">I", len(content))
        checksum = struct.pack(">I", zlib.crc32(name + content))
        written += length + name + content + checksum
    return written
