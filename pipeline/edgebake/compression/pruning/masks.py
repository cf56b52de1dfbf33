"""Which weights of a kernel become zero, how their share grows while a model trains, and how they are kept at zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.compression.pruning import weight_constraints
from edgebake.compression.pruning.channel_coupling import MIXING
from edgebake.compression.pruning.weight_constraints import WeightConstraint
from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.recipe import SparsityPattern

    Mask = NDArray[np.bool_]  # of a kernel's shape, true for what stays

# Of the masks while zeros become more. Between two, what is left has to recover (Zhu & Gupta: 100 to 1,000 steps, of
# many more than a small set has); a share that grows in more than some tens of parts is as good as smooth.
UPDATES = 32


@dataclass(frozen=True)
class SparsityRamp:
    """How the share of zeros grows from none to its last value, which it has from the step `steps` on."""

    share: float
    steps: int

    def share_at(self, step: int) -> float:
        """Return the share of zeros from a step on, the first step being 0.

        Source: Zhu & Gupta, https://arxiv.org/abs/1710.01878, equation 1.
        """
        left = 1 - min(step / self.steps, 1) if self.steps else 0.0
        return self.share * (1 - left**3)

    def is_due(self, step: int) -> bool:
        """Return whether masks are made anew before a step."""
        return step == self.steps or (step < self.steps and step % -(-self.steps // UPDATES) == 0)


class Masks:
    """The masks of some layers; they start with nothing cut."""

    def __init__(self, layers: Iterable[Any]) -> None:
        import tensorflow as tf

        self._masks = [
            (layer.kernel, tf.Variable(tf.ones(layer.kernel.shape, tf.bool))) for layer in layers
        ]

    def rules(self) -> list[tuple[Any, WeightConstraint]]:
        """Return each kernel with the rule that keeps it at zero where it was cut."""
        return [(kernel, _keeper(mask)) for kernel, mask in self._masks]

    def cut(self, how: float | SparsityPattern) -> None:
        """Set the least weights of each kernel to zero: a share of them, or all but some of each block."""
        for kernel, mask in self._masks:
            weights = np.array(kernel)
            mask.assign(
                magnitude_mask(weights, how)
                if isinstance(how, float)
                else pattern_mask(weights, how)
            )
            kernel.assign(_keeper(mask)(kernel))


def magnitude_mask(kernel: NDArray[Any], zeros: float) -> Mask:
    """Return the mask that cuts exactly the nearest whole number of weights to a share of them; of equals, the first.

    Weights that are zero already are among them: what was cut once stays so when the share grows.
    """
    mask = np.ones(kernel.size, np.bool_)
    mask[np.argsort(np.abs(kernel).ravel(), kind="stable")[: round(zeros * kernel.size)]] = False
    return mask.reshape(kernel.shape)


def pattern_mask(kernel: NDArray[Any], pattern: SparsityPattern) -> Mask:
    """Return the mask that keeps the largest few of each block of neighbouring input channels; of equals, the first.

    Source: Mishra et al., https://arxiv.org/abs/2104.08378, section 3.
    """
    moved = np.moveaxis(np.abs(kernel), -2, -1)
    order = np.argsort(-moved.reshape(*moved.shape[:-1], -1, pattern.of), axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return np.moveaxis((rank < pattern.kept).reshape(moved.shape), -1, -2)


def select_layers(
    model: Any, pattern: SparsityPattern | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the layers to cut, and why each other layer with weights that could be cut stays whole, by name."""
    able = weight_constraints.layers_of_kinds(model, MIXING)
    whole = {
        layer.name: _reason(kind(layer))
        for layer in model.layers
        if layer.name not in able and _is_matrix(layer)
    }
    for name, layer in able.items():
        channels = layer.kernel.shape[-2]
        if pattern is not None and channels % pattern.of:
            whole[name] = f"{channels} input channels; blocks of {pattern.of} do not divide them"
    return {name: layer for name, layer in able.items() if name not in whole}, whole


def _is_matrix(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.weights)


def _reason(name: str) -> str:
    if name == "DepthwiseConv2D":
        return "DepthwiseConv2D: a channel has few weights, and no others to make up for them"
    return f"{name}: only {', '.join(MIXING)} are cut"


def _keeper(mask: Any) -> WeightConstraint:
    import tensorflow as tf

    # A product would leave -0.0 behind, which packs worse than one kind of zero.
    return lambda kernel: tf.where(mask, kernel, tf.zeros_like(kernel))
