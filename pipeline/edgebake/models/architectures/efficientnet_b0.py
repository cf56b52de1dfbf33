"""EfficientNet-B0 of keras.applications, without pretrained weights and built-in pixel scaling.

Source: Tan and Le, https://arxiv.org/abs/1905.11946.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

MINIMUM_RESOLUTION = 32
DEPTH_COEFFICIENT = 1.0
# What keras.applications assumes when it builds a name; the input decides.
PRETRAINED_RESOLUTION = 224


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: image [n, h, w, channels] -> probabilities [n, classes]."""
    import keras

    # keras.applications.EfficientNetB0 fixes the width at 1; it calls this function.
    from keras.src.applications.efficientnet import EfficientNet

    image = keras.Input(contract.single_input.tensor.shape, name="image")
    network = EfficientNet(
        model.width_multiplier,
        DEPTH_COEFFICIENT,
        PRETRAINED_RESOLUTION,
        name="efficientnet_b0",
        weights=None,
        input_tensor=image,
        classes=len(contract.labels),
    )
    # Its first layers scale pixels of 0 to 255. They are cut off, as the recipe scales them.
    return keras.Model(network.get_layer("stem_conv_pad").input, network.output)
