"""An image as the input of a model: pixels of one size, normalized."""

import io
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import numpy as np
from PIL import Image

from edgebake.errors import Problem
from edgebake.recipe import Crop, Data, Recipe
from edgebake.tasks import steps as shared_steps
from edgebake.tasks.inputs.image import check, steps
from edgebake.tasks.inputs.image.spec import aspect_ratio_problem, image_of, input_of, spec_of
from edgebake.tasks.inputs.interface import Input, NoOptions, read_app_code
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, Raw, Step, StepFunction

# Two machines round (pixel - mean) * scale differently in the last bit of a float32.
ROUNDING = 1.01
PIXELS = "image"  # dtype of an input that is an image, as in Core ML
CORE_ML_SIZES = ("resolutions", "resolution_range")


class ImageKind:
    """An image, as pixels uint8 [h, w] or [h, w, 3] in the order RGB, or as Pillow's image."""

    raw_form = "png"
    tools = ("numpy", "pillow")
    options = NoOptions
    steps: Mapping[str, StepFunction] = {**steps.STEPS, **shared_steps.STEPS}
    augments_pixels = True

    def check(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield each problem of the options of images."""
        yield from check.check_data(recipe.data)
        yield from check.check_recipe(recipe)

    def contract_input(self, options: ContractOptions) -> ContractInput:
        """Return the input of a model that is trained with these options."""
        return input_of(spec_of(options.data, options.model))

    def steps_to_cache(self, spec: ContractInput) -> tuple[Step, ...]:
        """Return the steps to pixels uint8 [h, w, c] of the model's size."""
        return spec.steps[:-1]

    def check_raw(self, raw: Raw, data: Data) -> str | None:
        """Return why an image is too narrow for `data.short_side`; None if it is not."""
        if data.short_side is None:
            return None
        return aspect_ratio_problem(_dimensions(raw))

    def digest(self, raw: Raw) -> bytes:
        """Return shape and pixels: a copy in another file format is equal."""
        pixels = np.asarray(raw)
        shape = f"{pixels.shape}".encode()
        return shape + pixels.tobytes()

    def size(self, raw: Raw) -> int:
        """Return the number of pixels."""
        width, height = _dimensions(raw)
        return width * height

    def to_golden(self, raw: Raw) -> bytes:
        """Return a PNG, stored and not deflated: deflated bytes depend on the version of zlib."""
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(raw)).save(buffer, "PNG", compress_level=0)
        return buffer.getvalue()

    def tolerance(self, spec: ContractInput, tensor: Mapping[str, Any]) -> float:
        """Return one pixel level: image libraries round the sums of a resize differently."""
        if self.takes_raw(tensor["dtype"]):
            return 1.0
        level = max(image_of(spec).scale) * ROUNDING
        if tensor["scale"] is None:
            return level
        # A value that is one level off may also be rounded to the next quantization step.
        return level + float(tensor["scale"])

    def takes_raw(self, dtype: str) -> bool:
        """Return whether the file takes pixels: Core ML normalizes inside the model."""
        return dtype == PIXELS

    def published(self, spec: ContractInput, convert: Mapping[str, Any]) -> list[Step]:
        """Return the steps; a Core ML model may accept further sizes."""
        options = convert.get("coreml") or {}
        sizes = {key: options[key] for key in CORE_ML_SIZES if options.get(key)}
        published = []
        for step in spec.steps:
            resizes = step["step"] in ("resize", "interpolate")
            published.append({**step, **sizes} if resizes else step)
        return published

    def describe(self, spec: ContractInput) -> str:
        """Return color, crop and resize."""
        image = image_of(spec)
        crop = ""
        if image.crop != Crop.none.value:
            crop = f", {image.crop} cropped"
        return f"{image.published_color} image{crop}, resized by {image.resize_description}"

    def app_code(self) -> Mapping[str, bytes]:
        """Return the steps in Python, Kotlin and Swift."""
        from edgebake.tasks.inputs.image import app

        return read_app_code(resources.files(__package__), app)


def _dimensions(raw: Raw) -> tuple[int, int]:
    """Return width and height; Pillow's image becomes no array, which would take long."""
    if isinstance(raw, Image.Image):
        return raw.size
    height, width = raw.shape[:2]
    return int(width), int(height)


INPUT: Input = ImageKind()
