"""MobileNetV3-Large of keras.applications, without pretrained weights.

Source: Howard et al., https://arxiv.org/abs/1905.02244.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

MINIMUM_RESOLUTION = 32


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: image [n, h, w, channels] -> probabilities [n, classes]."""
    import keras

    image = keras.Input(contract.single_input.tensor.shape, name="image")
    return keras.applications.MobileNetV3Large(
        input_tensor=image,
        alpha=model.width_multiplier,
        weights=None,
        classes=len(contract.labels),
        include_preprocessing=False,
    )
