"""Images of any size in, images as a model sees them out, a few at a time.

What was brought to the model's size once lies in a temporary file, not in memory, and is not decoded again.
"""

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.dataset import Images, image_at
from edgebake.tasks.contract import Contract

# Smaller images take less time to decode than threads take to hand over Python's lock.
LARGE = 128 * 128  # pixels
THREADS = 2  # that decode; what comes out is the same for any number


class PreprocessedImages:
    """Images that look like an array float32 [n, h, w, c] to those who take slices or rows of one."""

    def __init__(self, images: Images, agreed: Contract) -> None:
        self._images = images
        self._agreed = agreed
        self._shape = (agreed.height, agreed.width, agreed.channels)
        self._bytes = agreed.height * agreed.width * agreed.channels
        self._is_kept = np.zeros(len(images), bool)
        beside = (
            artifacts.ROOT if artifacts.ROOT.is_dir() else None
        )  # a temporary folder may lie in memory
        self._file: BinaryIO = tempfile.TemporaryFile(dir=beside)  # noqa: SIM115 - it lives as long as this
        self._threads = ThreadPoolExecutor(THREADS)
        self._largest = 0  # pixels of an image so far

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self._images)

    def __getitem__(self, which: slice | Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return some of the images as the model sees them."""
        return self._agreed.normalize(self.pixels(which))

    def pixels(self, which: slice | Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return some of the images in the model's size and colors, uint8 [n, h, w, c]."""
        numbers = (
            range(len(self))[which]
            if isinstance(which, slice)
            else [int(number) for number in which]
        )
        found = np.empty((len(numbers), *self._shape), np.uint8)
        places = range(len(numbers))
        self._fill(found, numbers, places[:1])  # which says how large they are
        if self._largest < LARGE:
            self._fill(found, numbers, places[1:])
        else:
            pieces = [places[1 + start :: THREADS] for start in range(THREADS)]
            list(self._threads.map(lambda piece: self._fill(found, numbers, piece), pieces))
        return found

    def unscaled(self) -> "UnscaledImages":
        """Return the same images as a file sees them that takes pixels and scales them inside."""
        return UnscaledImages(self)

    def _fill(self, found: NDArray[np.uint8], numbers: Sequence[int], piece: range) -> None:
        for place in piece:
            found[place] = self._one(numbers[place])

    def _one(self, number: int) -> NDArray[np.uint8]:
        start, handle = number * self._bytes, self._file.fileno()
        if self._is_kept[number]:
            return np.frombuffer(os.pread(handle, self._bytes, start), np.uint8).reshape(
                self._shape
            )
        image = image_at(self._images, number)
        self._largest = max(
            self._largest,
            image.size if isinstance(image, np.ndarray) else image.width * image.height,
        )
        pixels: NDArray[np.uint8] = self._agreed.resize_images([image])[0]
        os.pwrite(handle, pixels.tobytes(), start)
        self._is_kept[number] = True
        return pixels


@dataclass(frozen=True)
class UnscaledImages:
    """Images that look like an array uint8 [n, h, w, c]."""

    prepared: PreprocessedImages

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.prepared)

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """Return some of the images in the model's size and colors."""
        return self.prepared.pixels(which)
