"""What a model expects and answers: one contract for training, calibration, validation and the app.

It travels with the model as contract.json, from train to the bundle.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.recipe import Color, Crop, Data, Model

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
# Apps read these names, in edgebake.manifest/1 and in the metadata of model files.
PUBLISHED_KEYS = {"color": "colour"}
PUBLISHED_COLORS = {"grayscale": "grey", "rgb": "rgb", "bgr": "bgr"}


@dataclass(frozen=True)
class Contract:
    """The model sees (pixel - mean) * scale, float32 [n, height, width, channels]; it answers one number per label."""

    task: str
    height: int  # pixels
    width: int  # pixels
    color: str  # grayscale, rgb or bgr
    crop: str
    resize: str
    mean: list[float]  # one for all channels, or one for each
    scale: list[float]  # likewise
    labels: list[str]

    @property
    def published_color(self) -> str:
        """Return the color channels as manifests and model files name them."""
        return PUBLISHED_COLORS[self.color]

    @property
    def channels(self) -> int:
        """Return 1 for grayscale, 3 for rgb and bgr."""
        return 1 if self.color == Color.grayscale.value else 3

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return images uint8 [h, w] or [h, w, 3] as the model sees them, float32 [n, height, width, channels]."""
        return self.normalize(self.resize_images(images))

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return pixels uint8 as the model sees them, float32."""
        return (pixels.astype(np.float32) - np.array(self.mean, np.float32)) * np.array(
            self.scale, np.float32
        )

    def denormalize(self, scaled: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the pixels that `scaled` was given, for files that take an image and scale it inside."""
        levels = scaled / np.array(self.scale, np.float32) + np.array(self.mean, np.float32)
        return np.asarray(np.rint(levels), np.uint8)

    def resize_images(self, images: Sequence[NDArray[np.uint8] | Image.Image]) -> NDArray[np.uint8]:
        """Return images in the model's size and the order of its channels, uint8 [n, height, width, channels]."""
        pixels = np.stack([self._resized(image) for image in images])
        pixels = pixels.reshape(len(images), self.height, self.width, self.channels)
        return pixels[..., ::-1] if self.color == Color.bgr.value else pixels

    def _resized(self, image: NDArray[np.uint8] | Image.Image) -> NDArray[np.uint8]:
        mode = "L" if self.channels == 1 else "RGB"
        size = (self.width, self.height)
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
        picture = picture if picture.mode == mode else picture.convert(mode)  # which would copy
        box = _center(picture.size, size) if self.crop == Crop.center.value else None
        return np.asarray(picture.resize(size, FILTERS[self.resize], box))

    def to_json(self) -> str:
        """Return the text of contract.json, which ONNX files carry too."""
        content = {PUBLISHED_KEYS.get(key, key): value for key, value in asdict(self).items()}
        content[PUBLISHED_KEYS["color"]] = self.published_color
        return json.dumps(content, indent=2) + "\n"


def _center(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box in the middle of an image that has the shape of another; whole pixels, rounded down."""
    (width, height), (across, down) = size, shape
    wide, high = min(width, height * across // down), min(height, width * down // across)
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def from_recipe(data: Data, model: Model, labels: list[str]) -> Contract:
    """Return the contract of a model that is trained on `data`."""
    return Contract(
        task="classification",
        height=model.resolution,
        width=(model.imported and model.imported.image_width) or model.resolution,
        color=data.color.value,
        crop=data.crop.value,
        resize=data.resize.value,
        mean=data.mean,
        scale=data.scale,
        labels=labels,
    )


def from_json(text: str) -> Contract:
    """Return the contract that contract.json holds."""
    content: dict[str, Any] = json.loads(text)
    published = content.pop(PUBLISHED_KEYS["color"])
    colors = {name: color for color, name in PUBLISHED_COLORS.items()}
    return Contract(**content, color=colors[published])
