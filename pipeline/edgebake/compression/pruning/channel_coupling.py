"""Channel coupling: rules for how each operation couples its output channels to its inputs.

Coupled channels can only be pruned together. An operation without a rule keeps all channels that
it reads and returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.models.keras_graph import activation, kind

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

    ChannelIds: TypeAlias = NDArray[np.int64]  # [channels]; a number for each channel of a tensor

# Each output channel is a sum over all input channels; kernel [..., in, out].
MIXING = ("Conv1D", "Conv2D", "Conv3D", "Dense")
# Activation functions of each number alone, whatever the other channels contain.
POINTWISE = (
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
    "silu",
    "swish",
    "hard_silu",
    "hard_swish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "hard_tanh",
    "softplus",
    "softsign",
    "exponential",
)
ACTIVATION_OPERATIONS = (
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
    "HardSwish",
    "Tanh",
)
SCALING_LAYERS = ("BatchNormalization", "Rescaling")
TRAINING_LAYERS = (
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
)
SPATIAL_LAYERS = (
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Cropping1D",
    "Cropping2D",
    "UpSampling1D",
    "UpSampling2D",
    "Resizing",
)
# Each output channel depends on the input channel of the same number alone.
CHANNELWISE = (*ACTIVATION_OPERATIONS, *SCALING_LAYERS, *TRAINING_LAYERS, *SPATIAL_LAYERS)
# Layers of keras.layers and operations of keras.ops share these names.
ELEMENTWISE = (
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Divide",
    "TrueDivide",
)
# Operations of keras.ops with these names cannot be rebuilt with another number of channels.
REBUILDABLE_AS_LAYER = ("Flatten", "Reshape", "Concatenate", *MIXING)


@dataclass
class Coupling:
    """Channels of all tensors so far, the pairs that are coupled, and those that have to stay."""

    count: int = 0
    pairs: list[tuple[ChannelIds, ChannelIds]] = field(default_factory=list)
    fixed: list[tuple[ChannelIds, str]] = field(default_factory=list)  # with the reason

    def new_channels(self, count: int) -> ChannelIds:
        """Return new channels that are coupled to no others yet, [count]."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def couple(self, first: ChannelIds, second: ChannelIds) -> None:
        """Couple channels [n] to channels [n], each to the one of the same index."""
        self.pairs.append((first, second))

    def fix(self, channels: ChannelIds, reason: str) -> None:
        """Exclude channels [n] from pruning."""
        self.fixed.append((channels, reason))

    def groups(self) -> tuple[NDArray[np.int64], int]:
        """Return the group of each channel, [channels], and the number of groups.

        Channels of a group are coupled, directly or through others.
        """
        from scipy.sparse import coo_array, csgraph

        first = [np.zeros(0, np.int64)]
        second = [np.zeros(0, np.int64)]
        for first_channels, second_channels in self.pairs:
            first.append(first_channels)
            second.append(second_channels)
        nodes = (np.concatenate(first), np.concatenate(second))
        weights = np.ones(len(nodes[0]), np.int8)
        edges = coo_array((weights, nodes), shape=(self.count, self.count))
        count, groups = csgraph.connected_components(edges, directed=False)
        return groups.astype(np.int64), int(count)


@dataclass(frozen=True)
class OperationCall:
    """A call of an operation, and the channels of its inputs."""

    node: keras.src.ops.node.Node
    inputs: list[ChannelIds]
    uses: int  # number of calls of the operation in the model

    @property
    def operation(self) -> keras.Operation:
        """Return the layer, or the operation of keras.ops."""
        return self.node.operation

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Return the shape of its first output."""
        return tuple(self.node.output_tensors[0].shape)

    @property
    def output_channels(self) -> int:
        """Return the number of channels of its first output."""
        return int(self.node.output_tensors[0].shape[-1])


Rule = Callable[[Coupling, OperationCall], "ChannelIds"]


def couple_outputs(coupling: Coupling, call: OperationCall) -> list[ChannelIds]:
    """Return the channels of each output of an operation, coupled to those of its inputs.

    If the operation has no rule, its channels are excluded from pruning.
    """
    reason = _unsupported_reason(call)
    if reason is None:
        return [COUPLING_RULES[kind(call.operation)](coupling, call)]
    outputs = []
    for tensor in call.node.output_tensors:
        outputs.append(coupling.new_channels(tensor.shape[-1] or 0))
    for channels in (*call.inputs, *outputs):
        coupling.fix(channels, f"its channels meet {call.operation.name!r}, {reason}")
    return outputs


def _unsupported_reason(call: OperationCall) -> str | None:
    """Return why the rule of an operation does not apply, or that it has none."""
    import keras

    operation = call.operation
    name = kind(operation)
    if name == "InputLayer":
        return "which is the image"
    if isinstance(operation, keras.Model):
        return "a model inside the model"
    if call.uses > 1:
        return f"which is used {call.uses} times"
    needs_layer = name in REBUILDABLE_AS_LAYER
    if name not in COUPLING_RULES or (
        needs_layer and not isinstance(operation, keras.layers.Layer)
    ):
        return f"a {name}, of which pruning knows nothing"
    if activation(operation) not in POINTWISE and name not in MIXING:
        return f"whose {activation(operation)} looks at all channels"
    return _unsupported_option(call)


def _unsupported_option(call: OperationCall) -> str | None:
    operation = call.operation
    name = kind(operation)
    if getattr(operation, "data_format", "channels_last") == "channels_first":
        return "which has channels first"
    last_axes = (-1, len(call.output_shape) - 1)
    if name == "BatchNormalization" and operation.axis not in last_axes:
        return "which normalizes another axis than the channels"
    if name in ("Flatten", "Reshape") and _splits_channels(call):
        return "which takes channels apart"
    if any(np.size(constant) > 1 for constant in _constants(call)):
        return "which has a constant for each channel"
    if getattr(operation, "groups", 1) != 1:
        return f"which has {operation.groups} groups"
    return None


def _splits_channels(call: OperationCall) -> bool:
    """Return whether the last axis of the output does not hold whole rows of input channels."""
    size = call.output_shape[-1]
    return not size or size % len(call.inputs[0]) != 0


def _constants(call: OperationCall) -> Iterator[ArrayLike]:
    """Yield the operands of an operation that are not tensors."""
    import keras

    if kind(call.operation) == "Rescaling":
        yield call.operation.scale
        yield call.operation.offset
    if kind(call.operation) in ELEMENTWISE:
        arguments = (call.node.arguments.args, call.node.arguments.kwargs)
        for argument in keras.tree.flatten(arguments):
            if not isinstance(argument, keras.KerasTensor):
                yield argument


def _mix(coupling: Coupling, call: OperationCall) -> ChannelIds:
    """Return new channels: each is computed from all input channels."""
    outputs = coupling.new_channels(call.output_channels)
    function = activation(call.operation)
    if function not in POINTWISE:
        coupling.fix(outputs, f"its {function} looks at all channels")
    return outputs


def _repeat(_: Coupling, call: OperationCall) -> ChannelIds:
    """Repeat each channel: the outputs of a depthwise convolution for it are adjacent."""
    return np.repeat(call.inputs[0], call.operation.depth_multiplier)


def _keep(_: Coupling, call: OperationCall) -> ChannelIds:
    return call.inputs[0]


def _couple_inputs(coupling: Coupling, call: OperationCall) -> ChannelIds:
    """Couple the inputs element by element; an input of one channel is broadcast to the others."""
    widest, *narrower = sorted(call.inputs, key=len, reverse=True)
    for channels in narrower:
        if len(channels) == len(widest):
            coupling.couple(widest, channels)
    return widest


def _concatenate(coupling: Coupling, call: OperationCall) -> ChannelIds:
    if call.operation.axis in (-1, len(call.output_shape) - 1):
        return np.concatenate(call.inputs)
    return _couple_inputs(coupling, call)


def _tile(_: Coupling, call: OperationCall) -> ChannelIds:
    """Repeat all channels in turn: they are the last axis of the tensor that is reshaped."""
    return np.tile(call.inputs[0], call.output_channels // len(call.inputs[0]))


# By the kind of the operation.
COUPLING_RULES: dict[str, Rule] = {
    **dict.fromkeys(MIXING, _mix),
    **dict.fromkeys(CHANNELWISE, _keep),
    **dict.fromkeys(ELEMENTWISE, _couple_inputs),
    "DepthwiseConv2D": _repeat,
    "Concatenate": _concatenate,
    "Flatten": _tile,
    "Reshape": _tile,
}
