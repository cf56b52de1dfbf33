"""Contract of a model: image preprocessing of its input and labels of its output.

Training, calibration, validation and the app share it. It is the file contract.json in the output
of every stage from `train` to the bundle.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.recipe import Color, Crop, Data, Model

RESAMPLING_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
# Apps read these names, in edgebake.manifest/1 and in the metadata of model files.
PUBLISHED_KEYS = {"color": "colour"}
PUBLISHED_COLORS = {"grayscale": "grey", "rgb": "rgb", "bgr": "bgr"}


@dataclass(frozen=True)
class Contract:
    """Input (pixel - mean) * scale, float32 [n, height, width, channels]; output [n, labels]."""

    task: str
    height: int  # pixels
    width: int  # pixels
    color: str  # grayscale, rgb or bgr
    crop: str  # a value of recipe.Crop
    resize: str  # a key of RESAMPLING_FILTERS
    mean: list[float]  # in pixel values, 0 to 255: one for all channels, or one for each
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
        """Crop, resize and normalize images.

        Args:
            images: uint8 [h, w] or [h, w, 3] in the order red, green, blue, each of its own size.

        Returns:
            Input of the model, float32 [n, height, width, channels].
        """
        return self.normalize(self.resize_images(images))

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (pixel - mean) * scale as float32 [n, h, w, channels], of pixels of that shape."""
        mean = np.array(self.mean, np.float32)
        scale = np.array(self.scale, np.float32)
        return (pixels.astype(np.float32) - mean) * scale

    def denormalize(self, normalized: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the pixels uint8 [n, h, w, channels] of which `normalize` made a model's input.

        Files that normalize inside the model take pixels as input.
        """
        mean = np.array(self.mean, np.float32)
        scale = np.array(self.scale, np.float32)
        return np.asarray(np.rint(normalized / scale + mean), np.uint8)

    def resize_images(self, images: Sequence[NDArray[np.uint8] | Image.Image]) -> NDArray[np.uint8]:
        """Crop and resize images, and bring their channels into the model's order.

        Args:
            images: uint8 [h, w] or [h, w, 3] in the order red, green, blue, or images of Pillow.

        Returns:
            Pixels, uint8 [n, height, width, channels].
        """
        pixels = np.stack([self._resize_image(image) for image in images])
        pixels = pixels.reshape(len(images), self.height, self.width, self.channels)
        if self.color == Color.bgr.value:
            return pixels[..., ::-1]
        return pixels

    def _resize_image(self, image: NDArray[np.uint8] | Image.Image) -> NDArray[np.uint8]:
        """Return one image, uint8 [height, width] or [height, width, 3] in the order RGB."""
        if not isinstance(image, Image.Image):
            image = Image.fromarray(image)
        mode = "L" if self.channels == 1 else "RGB"
        if image.mode != mode:  # convert() copies an image that has the mode already
            image = image.convert(mode)
        size = (self.width, self.height)
        box = None
        if self.crop == Crop.center.value:
            box = _center_box(image.size, size)
        return np.asarray(image.resize(size, RESAMPLING_FILTERS[self.resize], box))

    def to_json(self) -> str:
        """Return the text of contract.json, which is also in the metadata of ONNX files."""
        content = {PUBLISHED_KEYS.get(key, key): value for key, value in asdict(self).items()}
        content[PUBLISHED_KEYS["color"]] = self.published_color
        return json.dumps(content, indent=2) + "\n"


def _center_box(image_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest centered box of an image with the aspect ratio of `size`.

    Sizes are (width, height) in pixels; the box is (left, top, right, bottom), in whole pixels,
    rounded down.
    """
    image_width, image_height = image_size
    width, height = size
    box_width = min(image_width, image_height * width // height)
    box_height = min(image_height, image_width * height // width)
    left = (image_width - box_width) // 2
    top = (image_height - box_height) // 2
    return left, top, left + box_width, top + box_height


def from_recipe(data: Data, model: Model, labels: list[str]) -> Contract:
    """Return the contract of a model that is trained on `data`."""
    width = model.resolution
    if model.imported and model.imported.image_width:
        width = model.imported.image_width
    return Contract(
        task="classification",
        height=model.resolution,
        width=width,
        color=data.color.value,
        crop=data.crop.value,
        resize=data.resize.value,
        mean=data.mean,
        scale=data.scale,
        labels=labels,
    )


def from_json(text: str) -> Contract:
    """Return the contract that contract.json holds."""
    content = json.loads(text)
    published_color = content.pop(PUBLISHED_KEYS["color"])
    colors = {published: color for color, published in PUBLISHED_COLORS.items()}
    return Contract(**content, color=colors[published_color])
