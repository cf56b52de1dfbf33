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

from edgebake.errors import DataError
from edgebake.recipe import Color, Crop, Data, Model, Resize
from edgebake.tasks.resize import aspect_box, center_box, resize, short_side_size

# The longer side of an image, as a multiple of the shorter, that `short_side` keeps: the resized
# image takes that many times the memory of the cropped one.
MAX_ASPECT_RATIO = 100
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
    resize: str  # a value of recipe.Resize
    mean: list[float]  # in pixel values, 0 to 255: one for all channels, or one for each
    scale: list[float]  # likewise
    labels: list[str]
    # Contracts of earlier releases lack these two.
    antialias: bool = True  # whether bilinear and bicubic widen their filter when they shrink
    # Pixels; the image keeps its aspect ratio until it is cropped. None: it gets the model's size.
    short_side: int | None = None

    @property
    def published_color(self) -> str:
        """Return the color channels as manifests and model files name them."""
        return PUBLISHED_COLORS[self.color]

    @property
    def channels(self) -> int:
        """Return 1 for grayscale, 3 for rgb and bgr."""
        if self.color == Color.grayscale.value:
            return 1
        return 3

    @property
    def resize_description(self) -> str:
        """Return how images are resized, for people."""
        description = self.resize
        if not self.antialias and self.resize != Resize.nearest.value:
            description += " without antialiasing"
        if self.short_side is not None:
            description += f", the shorter side to {self.short_side} pixels"
        return description

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Crop, resize and normalize images.

        Args:
            images: uint8 [h, w] or [h, w, 3] in the order red, green, blue, each of its own size.

        Returns:
            Input of the model, float32 [n, height, width, channels].
        """
        pixels = self.resize_images(images)
        return self.normalize(pixels)

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (pixel - mean) * scale as float32 [n, h, w, channels], of pixels of that shape."""
        mean = np.array(self.mean, np.float32)
        scale = np.array(self.scale, np.float32)
        values = pixels.astype(np.float32)
        centered = values - mean
        return centered * scale

    def denormalize(self, normalized: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the pixels uint8 [n, h, w, channels] of which `normalize` made a model's input.

        Files that normalize inside the model take pixels as input.
        """
        mean = np.array(self.mean, np.float32)
        scale = np.array(self.scale, np.float32)
        centered = normalized / scale
        pixels = np.rint(centered + mean)
        return np.asarray(pixels, np.uint8)

    def resize_images(self, images: Sequence[NDArray[np.uint8] | Image.Image]) -> NDArray[np.uint8]:
        """Crop and resize images, and bring their channels into the model's order.

        Args:
            images: uint8 [h, w] or [h, w, 3] in the order red, green, blue, or images of Pillow.

        Returns:
            Pixels, uint8 [n, height, width, channels].
        """
        resized = [self._resize_image(image) for image in images]
        shape = (len(images), self.height, self.width, self.channels)
        pixels = np.stack(resized).reshape(shape)
        if self.color == Color.bgr.value:
            return pixels[..., ::-1]
        return pixels

    def _resize_image(self, image: NDArray[np.uint8] | Image.Image) -> NDArray[np.uint8]:
        """Return one image, uint8 [height, width] or [height, width, 3] in the order RGB."""
        if not isinstance(image, Image.Image):
            image = Image.fromarray(image)
        mode = "RGB"
        if self.channels == 1:
            mode = "L"
        if image.mode != mode:  # convert() copies an image that has the mode already
            image = image.convert(mode)
        size = (self.width, self.height)
        if self.short_side is not None:
            return np.asarray(self._resize_short_side(image, self.short_side))
        box = None  # the whole image
        if self.crop == Crop.center.value:
            box = aspect_box(image.size, size)
        resized = resize(image, size, self.resize, self.antialias, box)
        return np.asarray(resized)

    def _resize_short_side(self, image: Image.Image, short_side: int) -> Image.Image:
        """Resize an image to a length of its shorter side, and crop its center."""
        problem = aspect_ratio_problem(image.size)
        if problem is not None:
            raise DataError(f"an image: {problem}")
        whole_size = short_side_size(image.size, short_side)
        whole = resize(image, whole_size, self.resize, self.antialias)
        box = center_box(whole_size, (self.width, self.height))
        return whole.crop(box)

    def to_json(self) -> str:
        """Return the text of contract.json, which is also in the metadata of ONNX files."""
        published: dict[str, object] = {}
        for key, value in asdict(self).items():
            published_key = PUBLISHED_KEYS.get(key, key)
            published[published_key] = value
        color_key = PUBLISHED_KEYS["color"]
        published[color_key] = self.published_color
        text = json.dumps(published, indent=2)
        return f"{text}\n"


def aspect_ratio_problem(size: tuple[int, int]) -> str | None:
    """Return why an image of a size cannot be resized to a `short_side`; None if it can."""
    width, height = size
    if max(size) <= MAX_ASPECT_RATIO * min(size):
        return None
    expected = f"one side at most {MAX_ASPECT_RATIO} times the other, with data.short_side"
    return f"has {width:,} x {height:,} pixels; expected {expected}"


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
        antialias=data.antialias,
        short_side=data.short_side,
    )


def from_json(text: str) -> Contract:
    """Return the contract that contract.json holds."""
    fields = json.loads(text)
    color_key = PUBLISHED_KEYS["color"]
    published_color = fields.pop(color_key)
    for color, name in PUBLISHED_COLORS.items():
        if name == published_color:
            return Contract(**fields, color=color)
    raise KeyError(published_color)
