"""EfficientNet-B0 as in keras.applications, without downloaded weights and without its own pixel scaling.

Source: https://arxiv.org/abs/1905.11946.
"""

from typing import Any

from edgebake.recipe import Model

MINIMUM_RESOLUTION = 32
DEPTH = 1.0
PRETRAINED_RESOLUTION = (
    224  # what keras.applications assumes when it builds a name; the input decides
)


def build(model: Model, channels: int, classes: int) -> Any:
    """Return the untrained network."""
    import keras

    # keras.applications.EfficientNetB0 fixes the width at 1; this is the function behind it.
    from keras.src.applications.efficientnet import EfficientNet

    image = keras.Input((model.resolution, model.resolution, channels), name="image")
    whole = EfficientNet(
        model.width_multiplier,
        DEPTH,
        PRETRAINED_RESOLUTION,
        name="efficientnet_b0",
        weights=None,
        input_tensor=image,
        classes=classes,
    )
    # Its first layers expect pixels of 0 to 255; ours are scaled by the recipe, so the network starts behind them.
    return keras.Model(whole.get_layer("stem_conv_pad").input, whole.output)
