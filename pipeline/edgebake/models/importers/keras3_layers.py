"""Layers of older versions of Keras 3 that compute something else in the installed one."""

from __future__ import annotations

from typing import Any

from edgebake.models.importers.keras_source import Source
from edgebake.models.importers.safety import Config

RANDOM_CROP = "RandomCrop"
INERT_RANDOM_CROP = (3, 8)  # the first version whose RandomCrop is inert


def to_installed(config: Config, source: Source) -> Config:
    """Return the config of a model with layers that compute at inference what they did.

    Before Keras 3.8, RandomCrop cropped the center to the aspect ratio and resized it.
    """
    if not source.is_before(*INERT_RANDOM_CROP):
        return config
    converted: Config = _converted(config)
    return converted


def resizing(config: Config) -> Config:
    """Return the arguments of a Resizing that is a RandomCrop at inference."""
    arguments = {
        "height": config["height"],
        "width": config["width"],
        "interpolation": "bilinear",
        "crop_to_aspect_ratio": True,
    }
    for key in ("name", "dtype", "data_format"):
        if key in config:
            arguments[key] = config[key]
    return arguments


def _converted(node: Any) -> Any:
    if isinstance(node, list):
        return [_converted(child) for child in node]
    if not isinstance(node, dict):
        return node
    if node.get("class_name") == RANDOM_CROP:
        return {**node, "class_name": "Resizing", "config": resizing(node["config"])}
    return {key: _converted(value) for key, value in node.items()}
