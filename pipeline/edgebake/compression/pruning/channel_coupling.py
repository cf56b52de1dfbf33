"""How each kind of operation joins the channels that it reads with those that it returns.

What is not listed here is not guessed at: channels on both sides of it stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edgebake.models.keras_graph import activation, kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    ChannelIds: TypeAlias = NDArray[np.int64]  # a number for each channel of a tensor

# Each output channel is a sum over all input channels; kernel [..., in, out].
MIXING = ("Conv1D", "Conv2D", "Conv3D", "Dense")
# One number in, one number out, whatever the other channels hold.
POINTWISE = (
    *(
        "linear",
        "relu",
        "relu6",
        "clipped_relu",
        "bent_relu",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "gelu",
        "mish",
    ),
    *(
        "silu",
        "swish",
        "hard_silu",
        "hard_swish",
        "sigmoid",
        "hard_sigmoid",
        "tanh",
        "hard_tanh",
        "softplus",
    ),
    *("softsign", "exponential"),
)
PASSING = (
    *(
        "Activation",
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "ELU",
        "Relu",
        "Relu6",
        "Silu",
        "Sigmoid",
        "HardSigmoid",
        "HardSilu",
    ),
    *(
        "HardSwish",
        "Tanh",
        "BatchNormalization",
        "Rescaling",
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
    ),
    *("ActivityRegularization", "Identity"),
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
    *(
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
    ),
    *(
        "ZeroPadding1D",
        "ZeroPadding2D",
        "Cropping1D",
        "Cropping2D",
        "UpSampling1D",
        "UpSampling2D",
        "Resizing",
    ),
)
# Layers of keras.layers and operations of keras.ops share these names.
TYING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Divide", "TrueDivide")


@dataclass
class Coupling:
    """The points of all tensors so far, which of them are joined, and which have to stay, and why."""

    count: int = 0
    joined: list[tuple[ChannelIds, ChannelIds]] = field(default_factory=list)
    kept: list[tuple[ChannelIds, str]] = field(default_factory=list)

    def fresh(self, channels: int) -> ChannelIds:
        """Return points that are joined with nothing yet."""
        self.count += channels
        return np.arange(self.count - channels, self.count)

    def keep(self, points: ChannelIds, why: str) -> None:
        """Note that these channels stay."""
        self.kept.append((points, why))

    def groups(self) -> tuple[NDArray[np.int64], int]:
        """Return the group of each point, and how many there are."""
        from scipy.sparse import coo_array, csgraph

        ends = np.concatenate(
            [np.stack(pair) for pair in [*self.joined, (self.fresh(0), self.fresh(0))]], axis=1
        )
        links = coo_array(
            (np.ones(ends.shape[1], np.int8), (ends[0], ends[1])), (self.count, self.count)
        )
        count, groups = csgraph.connected_components(links, directed=False)
        return groups.astype(np.int64), int(count)


@dataclass(frozen=True)
class OperationCall:
    """One use of an operation, and the points of what it reads."""

    node: Any
    inputs: list[ChannelIds]
    uses: int  # of the operation in the model

    @property
    def operation(self) -> Any:
        """Return the layer, or the operation of keras.ops."""
        return self.node.operation

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the shape of what it returns."""
        return tuple(self.node.output_tensors[0].shape)


def outputs(walk: Coupling, call: OperationCall) -> list[ChannelIds]:
    """Return the points of each tensor that an operation returns, joined with what it reads."""
    why_not = _stranger(call)
    if why_not is None:
        return [COUPLING_RULES[kind(call.operation)](walk, call)]
    found = [walk.fresh(tensor.shape[-1] or 0) for tensor in call.node.output_tensors]
    for points in (*call.inputs, *found):
        walk.keep(points, f"its channels meet {call.operation.name!r}, {why_not}")
    return found


def _stranger(call: OperationCall) -> str | None:
    """Return why nothing is known of what an operation does to channels, if that is so."""
    import keras

    operation, name = call.operation, kind(call.operation)
    if name == "InputLayer":
        return "which is the image"
    if isinstance(operation, keras.Model):
        return "a model inside the model"
    if call.uses > 1:
        return f"which is used {call.uses} times"
    if name not in COUPLING_RULES or (
        name in LAYERS_ALONE and not isinstance(operation, keras.layers.Layer)
    ):
        return f"a {name}, of which pruning knows nothing"
    if activation(operation) not in POINTWISE and name not in MIXING:
        return f"whose {activation(operation)} looks at all channels"
    return _odd_setting(call)


def _odd_setting(call: OperationCall) -> str | None:
    operation, name = call.operation, kind(call.operation)
    axes = len(call.shape)
    if getattr(operation, "data_format", "channels_last") == "channels_first":
        return "which has channels first"
    if name == "BatchNormalization" and operation.axis not in (-1, axes - 1):
        return "which normalizes another axis than the channels"
    if name in ("Flatten", "Reshape") and (
        not call.shape[-1] or call.shape[-1] % len(call.inputs[0])
    ):
        return "which takes channels apart"
    if any(_size(constant) > 1 for constant in _constants(call)):
        return "which has a constant for each channel"
    if getattr(operation, "groups", 1) != 1:
        return f"which has {operation.groups} groups"
    return None


def _constants(call: OperationCall) -> Iterable[Any]:
    """Return what an operation adds or multiplies with, less the tensors."""
    import keras

    if kind(call.operation) == "Rescaling":
        return (call.operation.scale, call.operation.offset)
    if kind(call.operation) not in TYING:
        return ()
    arguments = keras.tree.flatten((call.node.arguments.args, call.node.arguments.kwargs))
    return (one for one in arguments if not isinstance(one, keras.KerasTensor))


def _size(number: Any) -> int:

    return int(np.size(number))


def _mixes(walk: Coupling, call: OperationCall) -> ChannelIds:
    found = walk.fresh(call.shape[-1])
    if activation(call.operation) not in POINTWISE:
        walk.keep(found, f"its {activation(call.operation)} looks at all channels")
    return found


def _repeats(_: Coupling, call: OperationCall) -> ChannelIds:
    """A depthwise convolution: the channels that come from one stand side by side."""
    return np.repeat(call.inputs[0], call.operation.depth_multiplier)


def _passes(_: Coupling, call: OperationCall) -> ChannelIds:
    return call.inputs[0]


def _ties(walk: Coupling, call: OperationCall) -> ChannelIds:
    """What meets element by element is one; a single channel serves all of the others."""
    widest, *others = sorted(call.inputs, key=len, reverse=True)
    for other in others:
        if len(other) == len(widest):
            walk.joined.append((widest, other))
    return widest


def _chains(walk: Coupling, call: OperationCall) -> ChannelIds:

    if call.operation.axis in (-1, len(call.shape) - 1):
        return np.concatenate(call.inputs)
    return _ties(walk, call)


def _tiles(_: Coupling, call: OperationCall) -> ChannelIds:
    """Channels are the last axis: laid out in a row they come again and again."""
    return np.tile(call.inputs[0], call.shape[-1] // len(call.inputs[0]))


COUPLING_RULES: dict[str, Callable[[Coupling, OperationCall], ChannelIds]] = {
    **dict.fromkeys(MIXING, _mixes),
    **dict.fromkeys(PASSING, _passes),
    **dict.fromkeys(TYING, _ties),
    "DepthwiseConv2D": _repeats,
    "Concatenate": _chains,
    "Flatten": _tiles,
    "Reshape": _tiles,
}
# Operations of keras.ops cannot be made again with another number of channels.
LAYERS_ALONE = ("Flatten", "Reshape", "Concatenate", *MIXING)
