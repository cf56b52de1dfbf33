"""Preprocessing of an image, as a contract has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.errors import DataError
from edgebake.recipe import Color, Crop, Data, Model, Resize
from edgebake.tasks.resize import aspect_box, center_box, resize, short_side_size
from edgebake.tasks.tensors import ContractInput, Step, TensorSpec

NAME = "image"  # of the tensor, and of the kind
# The longer side of an image, as a multiple of the shorter, that `short_side` keeps: the resized
# image takes that many times the memory of the cropped one.
MAX_ASPECT_RATIO = 100
PUBLISHED_COLORS = {"grayscale": "grey", "rgb": "rgb", "bgr": "bgr"}  # as apps read them


@dataclass(frozen=True)
class ImageSpec:
    """Input (pixel - mean) * scale, float32 [n, height, width, channels]."""

    height: int  # pixels
    width: int  # pixels
    color: str  # grayscale, rgb or bgr
    crop: str  # a value of recipe.Crop
    resize: str  # a value of recipe.Resize
    mean: list[float]  # in pixel values, 0 to 255: one for all channels, or one for each
    scale: list[float]  # likewise
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


@dataclass(frozen=True)
class ImageInput(ContractInput):
    """An image as the input of a model."""

    image: ImageSpec | None = None


def image_of(spec: ContractInput) -> ImageSpec:
    """Return the preprocessing of an input that is an image.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(spec, ImageInput) or spec.image is None:
        raise TypeError(f"{spec.name}: {spec.kind}; expected an image")
    return spec.image


def spec_of(data: Data, model: Model) -> ImageSpec:
    """Return the preprocessing of images for a model that is trained on `data`.

    Raises:
        ValueError: an option of images is null, which the checks refuse.
    """
    if data.crop is None or data.resize is None or model.resolution is None:
        raise ValueError(f"{data.title}: no crop, resize or resolution")
    if data.mean is None or data.scale is None:
        raise ValueError(f"{data.title}: no mean or scale")
    width = model.resolution
    if model.imported and model.imported.image_width:
        width = model.imported.image_width
    return ImageSpec(
        height=model.resolution,
        width=width,
        color=data.image_color.value,
        crop=data.crop.value,
        resize=data.resize.value,
        mean=data.mean,
        scale=data.scale,
        antialias=data.antialias,
        short_side=data.short_side,
    )


def input_of(image: ImageSpec) -> ImageInput:
    """Return the contract's input for an image."""
    shape = (image.height, image.width, image.channels)
    return ImageInput(
        name=NAME,
        kind=NAME,
        tensor=TensorSpec(NAME, shape, "float32"),
        steps=tuple(steps_of(image)),
        image=image,
    )


def steps_of(image: ImageSpec) -> list[Step]:
    """Return the steps from an image to the model's input, as manifests have them.

    docs/guides/use_a_bundle.md defines every step, down to how it rounds.
    """
    normalize: Step = {
        "step": "normalize",
        "mean": _scalar_or_channels(image.mean),
        "scale": _scalar_or_channels(image.scale),
    }
    decode: Step = {"step": "decode", "colour": image.published_color}
    return [decode, *_size_steps(image), normalize]


def _size_steps(image: ImageSpec) -> list[Step]:
    """Return the steps that yield an image of the model's size."""
    widens = image.antialias and image.resize != Resize.nearest.value
    if image.short_side is not None:
        return _short_side_steps(image, image.short_side, widens)
    has_fixed_width = not widens and image.resize != Resize.nearest.value
    resize_step: Step = {
        # Apps of earlier releases know only `resize`, and always widen: they refuse another name.
        "step": "interpolate" if has_fixed_width else "resize",
        "width": image.width,
        "height": image.height,
        "filter": image.resize,
        "antialias": widens,
    }
    if image.crop != Crop.center.value:
        return [resize_step]
    width_to_height = image.width / image.height
    crop: Step = {"step": "crop", "anchor": "center", "width_to_height": width_to_height}
    return [crop, resize_step]


def _short_side_steps(image: ImageSpec, short_side: int, widens: bool) -> list[Step]:
    """Return the steps that keep the aspect ratio until the center is cut out."""
    resize_step: Step = {
        "step": "resize_short_side",
        "short_side": short_side,
        "filter": image.resize,
        "antialias": widens,
    }
    crop: Step = {"step": "center_crop", "width": image.width, "height": image.height}
    return [resize_step, crop]


def _scalar_or_channels(values: list[float]) -> float | list[float]:
    """Return a single value as a scalar: apps of earlier releases read no list."""
    return values[0] if len(values) == 1 else values


def aspect_ratio_problem(size: tuple[int, int]) -> str | None:
    """Return why an image of a size cannot be resized to a `short_side`; None if it can."""
    width, height = size
    if max(size) <= MAX_ASPECT_RATIO * min(size):
        return None
    expected = f"one side at most {MAX_ASPECT_RATIO} times the other, with data.short_side"
    return f"has {width:,} x {height:,} pixels; expected {expected}"
