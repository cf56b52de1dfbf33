"""Sparsity masks: the weights of a kernel that are set to zero, and kept at zero by training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.compression.pruning import weight_constraints
from edgebake.compression.pruning.operation_kinds import MIXING
from edgebake.compression.pruning.weight_constraints import ConstrainedKernel, WeightConstraint
from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from numpy.typing import NDArray

    from edgebake.recipe import SparsityPattern

    Kernel: TypeAlias = NDArray[np.float32]
    Mask: TypeAlias = NDArray[np.bool_]  # shape of the kernel, true for weights that stay

# Number of updates of the masks while the sparsity increases. Weights recover between updates
# (Zhu & Gupta: 100 to 1,000 steps, of many more than a small dataset has). More updates than this
# are no smoother.
UPDATES = 32


@dataclass(frozen=True)
class SparsityRamp:
    """Sparsity that increases from 0 to its final value, which it reaches at step `steps`."""

    final_sparsity: float
    steps: int

    def sparsity_at(self, step: int) -> float:
        """Return the share of zeros, 0 to 1, from a step on; the first step is 0.

        Source: Zhu & Gupta, https://arxiv.org/abs/1710.01878, equation 1.
        """
        remaining = 0.0
        if self.steps:
            progress = step / self.steps
            remaining = 1 - min(progress, 1)
        share_reached = 1 - remaining**3
        return self.final_sparsity * share_reached

    def is_due(self, step: int) -> bool:
        """Return whether the masks are updated before a step."""
        if step >= self.steps:
            return step == self.steps
        interval = math.ceil(self.steps / UPDATES)
        return step % interval == 0


class Masks:
    """Masks of the kernels of some layers; at first, no weight is pruned."""

    def __init__(self, layers: Iterable[keras.Layer]) -> None:
        import tensorflow as tf

        self._kernels = [layer.kernel for layer in layers]
        self._masks: list[tf.Variable] = []
        for kernel in self._kernels:
            all_true = tf.ones(kernel.shape, tf.bool)
            mask = tf.Variable(all_true)
            self._masks.append(mask)

    def constraints(self) -> list[ConstrainedKernel]:
        """Return each kernel with the constraint that keeps its pruned weights at zero."""
        constraints = []
        for number, kernel in enumerate(self._kernels):
            constraint = _mask_constraint(self._masks[number])
            constraints.append((kernel, constraint))
        return constraints

    def update(self, amount: float | SparsityPattern) -> None:
        """Prune the smallest weights of each kernel, to a share of zeros or to an N:M pattern."""
        for number, kernel in enumerate(self._kernels):
            weights = np.array(kernel)
            mask = self._masks[number]
            if isinstance(amount, float):
                mask.assign(magnitude_mask(weights, amount))
            else:
                mask.assign(pattern_mask(weights, amount))
            apply_mask = _mask_constraint(mask)
            kernel.assign(apply_mask(kernel))


def magnitude_mask(kernel: Kernel, sparsity: float) -> Mask:
    """Return the mask of a kernel of any shape that prunes a share of its weights.

    The number of zeros is exact; of equal magnitudes, the first weights are pruned. Zeros are the
    smallest, so pruned weights stay pruned when the sparsity increases.
    """
    magnitudes = np.abs(kernel).ravel()
    order = np.argsort(magnitudes, kind="stable")
    zeros = round(sparsity * kernel.size)
    pruned = order[:zeros]
    mask = np.ones(kernel.size, np.bool_)
    mask[pruned] = False
    return mask.reshape(kernel.shape)


def pattern_mask(kernel: Kernel, pattern: SparsityPattern) -> Mask:
    """Return the mask of a kernel [..., in, out] for N:M sparsity.

    The largest N of each M adjacent input channels stay; of equal magnitudes, the first.
    Source: Mishra et al., https://arxiv.org/abs/2104.08378, section 3.
    """
    magnitudes = np.abs(kernel)
    inputs_last = np.swapaxes(magnitudes, -2, -1)
    *outer_shape, _ = inputs_last.shape
    block_shape = (*outer_shape, -1, pattern.of)
    blocks = inputs_last.reshape(block_shape)
    largest_first = np.argsort(-blocks, kind="stable")
    rank = np.argsort(largest_first, kind="stable")
    is_kept = rank < pattern.kept
    mask = is_kept.reshape(inputs_last.shape)
    return np.swapaxes(mask, -2, -1)


def select_layers(
    model: keras.Model, pattern: SparsityPattern | None
) -> tuple[dict[str, keras.Layer], dict[str, str]]:
    """Return the layers that can be pruned, and the reason for each other one, both by name.

    Layers without a matrix of weights are in neither.
    """
    selected = weight_constraints.layers_of_kinds(model, MIXING)
    unpruned = {}
    for layer in model.layers:
        is_selected = layer.name in selected
        if not is_selected and _has_matrix(layer):
            unpruned[layer.name] = _unsupported_reason(kind(layer))
    if pattern is None:
        return selected, unpruned
    divisible = {}
    for name, layer in selected.items():
        channels = layer.kernel.shape[-2]
        if channels % pattern.of == 0:
            divisible[name] = layer
        else:
            unpruned[name] = f"{channels} input channels; blocks of {pattern.of} do not divide them"
    return divisible, unpruned


def _has_matrix(layer: keras.Layer) -> bool:
    ranks = [len(weight.shape) for weight in layer.weights]
    return max(ranks, default=0) > 1


def _unsupported_reason(name: str) -> str:
    if name == "DepthwiseConv2D":
        return "DepthwiseConv2D: a channel has few weights, and no others that could compensate"
    return f"{name}: only {', '.join(MIXING)} are pruned"


def _mask_constraint(mask: tf.Variable) -> WeightConstraint:
    import tensorflow as tf

    def apply_mask(kernel: tf.Tensor) -> tf.Tensor:
        # A product would leave -0.0, which compresses worse than a single kind of zero.
        zeros = tf.zeros_like(kernel)
        return tf.where(mask, kernel, zeros)

    return apply_mask
