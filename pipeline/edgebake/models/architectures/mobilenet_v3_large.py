"""MobileNetV3-Large as in keras.applications, without downloaded weights. Source: https://arxiv.org/abs/1905.02244."""

from typing import Any

from edgebake.recipe import Model

MINIMUM_RESOLUTION = 32


def build(model: Model, channels: int, classes: int) -> Any:
    """Return the untrained network."""
    import keras

    image = keras.Input((model.resolution, model.resolution, channels), name="image")
    return keras.applications.MobileNetV3Large(
        input_tensor=image,
        alpha=model.width_multiplier,
        weights=None,
        classes=classes,
        include_preprocessing=False,
    )
