"""The bytes of an image file in, its pixels out, uint8 [h, w] or [h, w, 3]: one decoder for every source of data.

Nothing is guessed: what is cut short or is no image stops with a DataError.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from edgebake.errors import DataError
from edgebake.recipe import Color

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
EXPECTED = "expected JPEG, PNG, BMP or WebP"
LOOKS_LIKE = {  # how a file begins that is often taken for an image that can be read
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
    b"GIF8": f"a GIF; {EXPECTED}",
    b"II*\0": f"a TIFF; {EXPECTED}",
    b"MM\0*": f"a TIFF; {EXPECTED}",
    b"%PDF": f"a PDF; {EXPECTED}",
}
HEIF = b"ftyp"  # in bytes 4 to 8: https://www.rfc-editor.org/rfc/rfc9402 and ISO/IEC 14496-12, 4.3


@dataclass(frozen=True)
class LazyImages(Sequence["NDArray[np.uint8]"]):
    """Images that are read when they are asked for, and not kept; what reads one returns pixels or Pillow's image."""

    length: int
    read: Callable[[int], Any]

    def __len__(self) -> int:
        """Return how many there are."""
        return self.length

    @overload
    def __getitem__(self, number: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, number: slice) -> LazyImages: ...

    def __getitem__(self, number: int | slice) -> NDArray[np.uint8] | LazyImages:
        """Return one image, or a part of them that is read as late."""
        numbers = range(self.length)
        if isinstance(number, slice):
            part = numbers[number]
            return LazyImages(len(part), lambda place: self.read(part[place]))

        return np.asarray(self.read(numbers[number]))

    def open_image(self, number: int) -> Any:
        """Return one image as it was read: a photo costs two thirds more by way of an array."""
        return self.read(number)


def open_image_file(file: Path, color: Color) -> Any:
    """Return Pillow's image of a file.

    Raises:
        DataError: it cannot be read, or is not a whole image.
    """
    try:
        is_file = stat.S_ISREG(os.stat(file).st_mode)  # noqa: PTH116 - three times as fast as Path.stat
        content = file.read_bytes() if is_file else b""
    except OSError as error:
        what = (
            f"a link to {file.readlink()}, which is not there"
            if file.is_symlink()
            else error.strerror
        )
        raise _refusal(str(file), f"{what}") from None
    if not is_file:
        raise _refusal(str(file), "a folder" if file.is_dir() else "not a file")
    return open_image(content, color, str(file))


def decode_file(file: Path, color: Color) -> NDArray[np.uint8]:
    """Return the pixels of an image file.

    Raises:
        DataError: it cannot be read, or is not a whole image.
    """
    return np.asarray(open_image_file(file, color))


def decode(content: bytes, color: Color, name: str) -> NDArray[np.uint8]:
    """Return the pixels of an image; grey gives [h, w], any other color [h, w, 3] in the order red, green, blue.

    Raises:
        DataError: it is not a whole image.
    """
    return np.asarray(open_image(content, color, name))


def open_image(content: bytes, color: Color, name: str) -> Any:
    """Return Pillow's image, turned as the camera says; alpha is dropped, of an animation the first is taken.

    Args:
        content: a JPEG, PNG, BMP or WebP.
        color: grayscale gives the mode L, any other RGB.
        name: what a person calls the image.

    Raises:
        DataError: it is not a whole image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise _refusal(name, "empty file")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if 0 in image.size:
                raise _refusal(name, f"{image.width} x {image.height} pixels")
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            return _in_color(image, color)
    except UnidentifiedImageError:
        raise _refusal(name, _likeness(content)) from None
    except DataError:
        raise
    except Exception as error:  # a damaged file makes Pillow's readers raise whatever they run into
        raise _refusal(
            name, " ".join(str(error).split()).rstrip(".") or type(error).__name__
        ) from None


def in_color(pixels: NDArray[Any], color: Color) -> NDArray[np.uint8]:
    """Return pixels uint8 [h, w], [h, w, 1] or [h, w, 3] in another color, as those of a file would be."""
    from PIL import Image

    flat = np.array(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    has_colors = flat.ndim == 3
    return (
        flat
        if has_colors == (color is not Color.grayscale)
        else np.asarray(_in_color(Image.fromarray(flat), color))
    )


def _in_color(image: Any, color: Color) -> Any:
    image.info.pop("transparency", None)  # of a palette: dropped as any other alpha
    image = _in_8_bits(image) if image.mode.startswith("I") else image
    mode = "L" if color is Color.grayscale else "RGB"
    return image if image.mode == mode else image.convert(mode)  # which would copy


def _in_8_bits(image: Any) -> Any:
    """Return 16-bit grey as 8 bits, 65535 as 255; Pillow's own conversion makes all above 255 white."""
    from PIL import Image

    return Image.fromarray(((np.asarray(image).astype(np.int64) + 128) // 257).astype(np.uint8))


def _likeness(content: bytes) -> str:
    found = [what for head, what in LOOKS_LIKE.items() if content.startswith(head)]
    if found:
        return found[0]
    if content[4:8] == HEIF:
        return f"a HEIC or AVIF; {EXPECTED}"
    if content.isascii() and b"\0" not in content:
        return (
            f"{'a web page or XML' if content.lstrip().startswith(b'<') else 'a text'}; {EXPECTED}"
        )
    return "no JPEG, PNG, BMP or WebP, or only a part of one"


def _refusal(name: str, why: str) -> DataError:
    return DataError(
        f"{name}: not an image that can be read ({why}); mend or remove it, or say `on_corrupt: skip`"
    )
