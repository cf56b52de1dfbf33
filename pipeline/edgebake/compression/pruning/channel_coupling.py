"""Channel coupling: rules for how each operation couples its output channels to its inputs.

Coupled channels can only be pruned together. An operation without a rule keeps all channels that
it reads and returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.compression.pruning.operation_kinds import (
    CHANNELWISE,
    ELEMENTWISE,
    MIXING,
    POINTWISE,
    REBUILDABLE_AS_LAYER,
)
from edgebake.models.keras_graph import activation, kind

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

    from edgebake.models.keras_graph import Node

    ChannelIds: TypeAlias = NDArray[np.int64]  # [channels]; a number for each channel of a tensor


@dataclass
class Coupling:
    """Channels of all tensors so far, the pairs that are coupled, and those that have to stay."""

    count: int = 0
    pairs: list[tuple[ChannelIds, ChannelIds]] = field(default_factory=list)
    fixed: list[tuple[ChannelIds, str]] = field(default_factory=list)  # with the reason

    def new_channels(self, count: int) -> ChannelIds:
        """Return new channels that are coupled to no others yet, [count]."""
        first = self.count
        self.count += count
        return np.arange(first, self.count)

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

        no_channels = np.zeros(0, np.int64)
        starts = [no_channels]
        ends = [no_channels]
        for first, second in self.pairs:
            starts.append(first)
            ends.append(second)
        rows = np.concatenate(starts)
        columns = np.concatenate(ends)
        weights = np.ones(len(rows), np.int8)
        edges = (weights, (rows, columns))
        adjacency = coo_array(edges, shape=(self.count, self.count))
        count, groups = csgraph.connected_components(adjacency, directed=False)
        return groups.astype(np.int64), int(count)


@dataclass(frozen=True)
class OperationCall:
    """A call of an operation, and the channels of its inputs."""

    node: Node
    inputs: list[ChannelIds]
    uses: int  # number of calls of the operation in the model

    @property
    def operation(self) -> keras.Operation:
        """Return the layer, or the operation of keras.ops."""
        return self.node.operation

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Return the shape of its first output."""
        output = self.node.output_tensors[0]
        return tuple(output.shape)

    @property
    def output_channels(self) -> int:
        """Return the number of channels of its first output."""
        output = self.node.output_tensors[0]
        return int(output.shape[-1])

    def is_last_axis(self, axis: int) -> bool:
        """Return whether an axis of the first output is the last one, the channels."""
        last_axis = len(self.output_shape) - 1
        return axis in (-1, last_axis)


Rule = Callable[[Coupling, OperationCall], "ChannelIds"]


def couple_outputs(coupling: Coupling, call: OperationCall) -> list[ChannelIds]:
    """Return the channels of each output of an operation, coupled to those of its inputs.

    If the operation has no rule, its channels are excluded from pruning.
    """
    reason = _unsupported_reason(call)
    if reason is None:
        couple = COUPLING_RULES[kind(call.operation)]
        return [couple(coupling, call)]
    outputs = []
    for tensor in call.node.output_tensors:
        count = tensor.shape[-1] or 0
        channels = coupling.new_channels(count)
        outputs.append(channels)
    for channels in call.inputs + outputs:
        coupling.fix(channels, f"its channels meet {call.operation.name!r}, {reason}")
    return outputs


def _unsupported_reason(call: OperationCall) -> str | None:
    """Return why the rule of an operation does not apply, or that it has none."""
    import keras

    operation = call.operation
    name = kind(operation)
    if name == "InputLayer":
        return "which is the input image"
    if isinstance(operation, keras.Model):
        return "a model inside the model"
    if call.uses > 1:
        return f"which is used {call.uses} times"
    is_layer = isinstance(operation, keras.layers.Layer)
    is_rebuildable = is_layer or name not in REBUILDABLE_AS_LAYER
    if name not in COUPLING_RULES or not is_rebuildable:
        return f"a {name}, which pruning does not support"
    function = activation(operation)
    if function not in POINTWISE and name not in MIXING:
        return f"whose {function} depends on all channels"
    return _unsupported_option(call)


def _unsupported_option(call: OperationCall) -> str | None:
    operation = call.operation
    name = kind(operation)
    data_format = getattr(operation, "data_format", "channels_last")
    if data_format == "channels_first":
        return "which has channels first"
    if name == "BatchNormalization" and not call.is_last_axis(operation.axis):
        return "which normalizes another axis than the channels"
    if name in ("Flatten", "Reshape") and _splits_channels(call):
        return "which splits channels"
    for constant in _constants(call):
        if np.size(constant) > 1:
            return "which has a constant for each channel"
    groups = getattr(operation, "groups", 1)
    if groups != 1:
        return f"which has {groups} groups"
    return None


def _splits_channels(call: OperationCall) -> bool:
    """Return whether the last axis of the output does not hold whole rows of input channels."""
    size = call.output_shape[-1]
    if not size:
        return True
    input_channels = len(call.inputs[0])
    return size % input_channels != 0


def _constants(call: OperationCall) -> Iterator[ArrayLike]:
    """Yield the operands of an operation that are not tensors."""
    import keras

    operation = call.operation
    if kind(operation) == "Rescaling":
        yield operation.scale
        yield operation.offset
    if kind(operation) in ELEMENTWISE:
        arguments = call.node.arguments
        operands = keras.tree.flatten((arguments.args, arguments.kwargs))
        for operand in operands:
            if not isinstance(operand, keras.KerasTensor):
                yield operand


def _mix(coupling: Coupling, call: OperationCall) -> ChannelIds:
    """Return new channels: each is computed from all input channels."""
    outputs = coupling.new_channels(call.output_channels)
    function = activation(call.operation)
    if function not in POINTWISE:
        coupling.fix(outputs, f"its {function} depends on all channels")
    return outputs


def _repeat(_: Coupling, call: OperationCall) -> ChannelIds:
    """Repeat each channel: the outputs of a depthwise convolution for it are adjacent."""
    multiplier = call.operation.depth_multiplier
    return np.repeat(call.inputs[0], multiplier)


def _keep(_: Coupling, call: OperationCall) -> ChannelIds:
    return call.inputs[0]


def _couple_inputs(coupling: Coupling, call: OperationCall) -> ChannelIds:
    """Couple the inputs element by element; an input of one channel is broadcast to the others."""
    widest_first = sorted(call.inputs, key=len, reverse=True)
    widest, *narrower = widest_first
    for channels in narrower:
        if len(channels) == len(widest):
            coupling.couple(widest, channels)
    return widest


def _concatenate(coupling: Coupling, call: OperationCall) -> ChannelIds:
    if call.is_last_axis(call.operation.axis):
        return np.concatenate(call.inputs)
    return _couple_inputs(coupling, call)


def _tile(_: Coupling, call: OperationCall) -> ChannelIds:
    """Repeat all channels in turn: they are the last axis of the tensor that is reshaped."""
    channels = call.inputs[0]
    repetitions = call.output_channels // len(channels)
    return np.tile(channels, repetitions)


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
