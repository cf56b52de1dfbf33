"""Decode image files to pixels, uint8 [h, w] or [h, w, 3]; all data sources use it.

A file that is truncated, or no image, is an error.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.lazy import LazySequence
from edgebake.errors import DataError
from edgebake.recipe import Color, Data

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Picture = NDArray[np.uint8] | Image

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
EXPECTED = "expected JPEG, PNG, BMP or WebP"
# First bytes of files that are often taken for images.
SIGNATURES = {
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
    b"GIF8": f"a GIF; {EXPECTED}",
    b"II*\0": f"a TIFF; {EXPECTED}",
    b"MM\0*": f"a TIFF; {EXPECTED}",
    b"%PDF": f"a PDF; {EXPECTED}",
}
# A file may have this many bytes per pixel that is allowed, and some more for metadata.
BYTES_PER_PIXEL = 4
METADATA_BYTES = 1 << 20
SCAN = b"\xff\xda"  # start of a scan of a JPEG; each is decoded over the whole image
MAX_SCANS = 500  # a progressive JPEG has about 10
ROWS = 256  # of a 16-bit image that are converted at once
HEIF = b"ftyp"  # in bytes 4 to 8: https://www.rfc-editor.org/rfc/rfc9402 and ISO/IEC 14496-12, 4.3


class LazyImages(LazySequence):
    """Images [h, w] or [h, w, 3] that are read when they are indexed, and not kept.

    `read` returns an image as pixels, or as Pillow's image: converting a photo to an array takes
    two thirds of the time of decoding it.
    """

    def __getitem__(self, index: int | slice) -> Any:
        """Return one image, uint8 [h, w] or [h, w, 3], or a range of images that is lazy too."""
        image = super().__getitem__(index)
        return image if isinstance(index, slice) else np.asarray(image)


def open_image_file(file: Path, color: Color, max_megapixels: float = Data.max_megapixels) -> Image:
    """Return the image of a file, as `open_image` does.

    Raises:
        DataError: the file cannot be read, is not a whole image, or is too large.
    """
    try:
        status = os.stat(file)  # noqa: PTH116 - three times as fast as Path.stat
        is_file = stat.S_ISREG(status.st_mode)
        content = b""
        if is_file:
            refuse_bytes(str(file), status.st_size, max_megapixels)
            content = file.read_bytes()
    except OSError as error:
        reason = str(error.strerror)
        if file.is_symlink():
            reason = f"a link to {file.readlink()}, which does not exist"
        raise _error(str(file), reason) from None
    if not is_file:
        if file.is_dir():
            raise _error(str(file), "a folder")
        raise _error(str(file), "not a file")
    return open_image(content, color, str(file), max_megapixels)


def max_bytes(max_megapixels: float) -> int:
    """Return the most bytes of a file, or of a record, with one image."""
    return int(max_megapixels * 1e6 * BYTES_PER_PIXEL) + METADATA_BYTES


def refuse_bytes(name: str, size: int, max_megapixels: float) -> None:
    """Refuse to read more bytes than an image of the largest size has.

    Raises:
        DataError: there are more.
    """
    most = max_bytes(max_megapixels)
    if size > most:
        raise DataError(
            f"{name}: {size:,} bytes; expected at most {most:,}, for {max_megapixels:g} megapixels:"
            " raise data.max_megapixels"
        )


def decode_file(file: Path, color: Color) -> NDArray[np.uint8]:
    """Return the pixels of an image file, [h, w] or [h, w, 3].

    Raises:
        DataError: the file cannot be read, or is not a whole image.
    """
    image = open_image_file(file, color)
    return np.asarray(image)


def decode(
    content: bytes, color: Color, name: str, max_megapixels: float = Data.max_megapixels
) -> NDArray[np.uint8]:
    """Return the pixels of an image: [h, w] for grayscale, otherwise [h, w, 3] in the order RGB.

    Raises:
        DataError: it is not a whole image, or is too large.
    """
    image = open_image(content, color, name, max_megapixels)
    return np.asarray(image)


def open_image(
    content: bytes, color: Color, name: str, max_megapixels: float = Data.max_megapixels
) -> Image:
    """Return an image of Pillow, decoded and rotated as its EXIF orientation says.

    Alpha is dropped; of an animation, the first frame is taken.

    Args:
        content: a JPEG, PNG, BMP or WebP.
        color: grayscale gives the mode L, any other RGB.
        name: of the image in messages.
        max_megapixels: that are decoded.

    Raises:
        DataError: it is not a whole image, or is too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise _error(name, "empty file")
    Image.MAX_IMAGE_PIXELS = None  # Pillow would refuse sizes that the recipe allows
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if 0 in image.size:
                raise _error(name, f"{image.width} x {image.height} pixels")
            _refuse_size(name, image, max_megapixels)
            _refuse_scans(name, image, content)
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            return _convert(image, color)
    except UnidentifiedImageError:
        raise _error(name, _describe(content)) from None
    except DataError:
        raise
    except Exception as error:  # Pillow raises errors of many types for damaged files
        message = " ".join(str(error).split())
        reason = message.rstrip(".")
        raise _error(name, reason or type(error).__name__) from None


def _refuse_size(name: str, image: Image, max_megapixels: float) -> None:
    """Refuse an image by the size in its header, before its pixels are decoded."""
    width, height = image.size
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        limit = f"expected at most {max_megapixels:g}, or more in data.max_megapixels"
        raise _error(name, f"{width} x {height} pixels, {megapixels:,.1f} megapixels; {limit}")


def _refuse_scans(name: str, image: Image, content: bytes) -> None:
    """Refuse a JPEG of a few bytes that would take minutes to decode."""
    scans = content.count(SCAN) if image.format == "JPEG" else 0
    if scans > MAX_SCANS:
        raise _error(name, f"{scans:,} scans; expected at most {MAX_SCANS}")


def in_color(pixels: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """Return pixels in another color, converted as those of an image file.

    Args:
        pixels: [h, w], [h, w, 1] or [h, w, 3] in the order RGB.
        color: grayscale gives [h, w], any other [h, w, 3] in the order RGB.
    """
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    pixels = np.array(pixels)
    has_colors = pixels.ndim == 3
    expects_colors = color is not Color.grayscale
    if has_colors == expects_colors:
        return pixels
    converted = _convert(Image.fromarray(pixels), color)
    return np.asarray(converted)


def _convert(image: Image, color: Color) -> Image:
    """Return an image in the mode L or RGB."""
    image.info.pop("transparency", None)  # of a palette: dropped as any other alpha
    if image.mode.startswith("I"):
        image = _in_8_bits(image)
    mode = "RGB"
    if color is Color.grayscale:
        mode = "L"
    if image.mode == mode:
        return image  # convert() would copy it
    return image.convert(mode)


def _in_8_bits(image: Image) -> Image:
    """Return a 16-bit grayscale image in 8 bits, scaling 65535 to 255.

    Pillow's own conversion makes all values above 255 white.
    """
    from PIL.Image import fromarray

    values = np.asarray(image)
    levels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):  # a whole image would take 24 bytes per pixel
        rows = slice(start, start + ROWS)
        levels[rows] = (values[rows].astype(np.int64) + 128) // 257
    return fromarray(levels)


def _describe(content: bytes) -> str:
    """Return what a file without an image seems to be."""
    for signature, description in SIGNATURES.items():
        if content.startswith(signature):
            return description
    if content[4:8] == HEIF:
        return f"a HEIC or AVIF; {EXPECTED}"
    if not content.isascii() or b"\0" in content:
        return "no JPEG, PNG, BMP or WebP, or only a part of one"
    if content.lstrip().startswith(b"<"):
        return f"a web page or XML; {EXPECTED}"
    return f"a text; {EXPECTED}"


def _error(name: str, reason: str) -> DataError:
    return DataError(
        f"{name}: not an image that can be read ({reason}); repair or remove it, or set "
        "`on_corrupt: skip`"
    )
