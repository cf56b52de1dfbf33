"""Preprocessed images that are computed in batches and cached on disk.

An image is decoded and resized once; its pixels are then kept in a temporary file, not in memory.
"""

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.dataset import Images, read_image
from edgebake.tasks.contract import Contract

if TYPE_CHECKING:
    from edgebake.data.readers.decode import Picture

# Smaller images take less time to decode than threads take to hand over Python's lock.
LARGE = 128 * 128  # pixels
THREADS = 2  # that decode; the pixels are the same for any number

Indices = slice | Sequence[int] | NDArray[np.int64]


class PreprocessedImages:
    """Images that can be sliced and indexed like an array float32 [n, h, w, c]."""

    def __init__(self, images: Images, contract: Contract) -> None:
        self._images = images
        self._contract = contract
        self._shape = (contract.image.height, contract.image.width, contract.image.channels)
        self._image_bytes = contract.image.height * contract.image.width * contract.image.channels
        self._is_cached = np.zeros(len(images), bool)
        # A temporary folder of the system may be in memory.
        folder = None
        if artifacts.ROOT.is_dir():
            folder = artifacts.ROOT
        self._cache: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - of the object
        self._threads = ThreadPoolExecutor(THREADS)
        self._largest = 0  # pixels of the largest image so far

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def __getitem__(self, indices: Indices) -> NDArray[np.float32]:
        """Return some images as the model's input, float32 [n, h, w, c]."""
        pixels = self.read_pixels(indices)
        return self._contract.image.normalize(pixels)

    def read_pixels(self, indices: Indices) -> NDArray[np.uint8]:
        """Return some images in the model's size and colors, uint8 [n, h, w, c]."""
        if isinstance(indices, slice):
            numbers: Sequence[int] = range(len(self))[indices]
        else:
            numbers = [int(index) for index in indices]
        count = len(numbers)
        pixels = np.empty((count, *self._shape), np.uint8)

        def fill(rows: range) -> None:
            for row in rows:
                pixels[row] = self._image(numbers[row])

        first_row = range(count)[:1]
        rest = range(count)[1:]
        fill(first_row)  # its size decides whether threads are worthwhile
        if self._largest < LARGE:
            fill(rest)
            return pixels
        shares = [rest[start::THREADS] for start in range(THREADS)]
        for _ in self._threads.map(fill, shares):
            pass  # raises what a thread raised
        return pixels

    def unscaled(self) -> "UnscaledImages":
        """Return the same images for files that normalize pixels inside the model."""
        return UnscaledImages(self)

    def _image(self, number: int) -> NDArray[np.uint8]:
        """Return one image [h, w, c] from the cache; decode, resize and cache it the first time."""
        handle = self._cache.fileno()
        offset = number * self._image_bytes
        if self._is_cached[number]:
            stored = os.pread(handle, self._image_bytes, offset)
            cached = np.frombuffer(stored, np.uint8)
            return cached.reshape(self._shape)
        image = read_image(self._images, number)
        self._largest = max(self._largest, _area(image))
        resized = self._contract.image.resize_images([image])
        pixels: NDArray[np.uint8] = resized[0]
        os.pwrite(handle, pixels.tobytes(), offset)
        self._is_cached[number] = True
        return pixels


def _area(image: "Picture") -> int:
    """Return the size of an image in pixels, three times as many for an array with colors."""
    if isinstance(image, np.ndarray):
        return image.size
    return image.width * image.height


@dataclass(frozen=True)
class UnscaledImages:
    """Images that can be sliced like an array uint8 [n, h, w, c]: resized, not normalized."""

    images: PreprocessedImages

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, indices: slice) -> NDArray[np.uint8]:
        """Return some images in the model's size and colors, uint8 [n, h, w, c]."""
        return self.images.read_pixels(indices)
