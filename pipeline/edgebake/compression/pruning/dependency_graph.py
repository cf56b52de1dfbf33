"""Dependency graph of a Keras model: the channels that can only be pruned together.

Each channel of each tensor is a node. Operations that combine two channels element by element (a
residual addition, a depthwise convolution, batch normalization) couple them. Connected channels
form a group, which is pruned as a whole or not at all.
Source: Fang et al., DepGraph, https://arxiv.org/abs/2301.12900, section 3.2; here with one node per
channel, so that concatenation and flattening need no index arithmetic.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.compression.pruning.channel_coupling import (
    MIXING,
    Coupling,
    OperationCall,
    couple_outputs,
)
from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.compression.pruning.channel_coupling import ChannelIds

    GroupIds: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Channels:
    """Group of each channel of the first input, [in], and of the first output, [out]."""

    inputs: GroupIds
    outputs: GroupIds


@dataclass(frozen=True)
class Family:
    """Groups that are produced by the same layers, and therefore interchangeable."""

    layers: tuple[str, ...]
    groups: GroupIds  # [groups]


@dataclass(frozen=True)
class Dependencies:
    """Channels of every operation by name, families that can be pruned, and unpruned layers."""

    channels: dict[str, Channels]
    families: list[Family]
    unpruned: dict[str, str]  # name of a layer -> why its channels stay
    group_count: int


def read(model: keras.Model) -> Dependencies:
    """Return the dependencies of a functional model with one input and one output."""
    coupling = Coupling()
    channels_of = _couple_model(model, coupling)
    groups, group_count = coupling.groups()
    channels = {}
    for name, (inputs, outputs) in channels_of.items():
        channels[name] = Channels(groups[inputs], groups[outputs])
    fixed: dict[int, str] = {}
    for channel_ids, reason in coupling.fixed:
        for group in groups[channel_ids]:
            fixed.setdefault(int(group), reason)
    families = _families(model, channels)
    unpruned: dict[str, str] = {}
    prunable = []
    for family in families:
        reasons = [fixed[int(group)] for group in family.groups if int(group) in fixed]
        if not reasons:
            prunable.append(family)
            continue
        for name in family.layers:
            unpruned.setdefault(name, reasons[0])
    return Dependencies(channels, prunable, unpruned, group_count)


def _couple_model(
    model: keras.Model, coupling: Coupling
) -> dict[str, tuple[ChannelIds, ChannelIds]]:
    """Couple all channels of a model; return those of each operation's first input and output."""
    channels_of: dict[str, tuple[ChannelIds, ChannelIds]] = {}
    tensor_channels: dict[int, ChannelIds] = {}  # by id of the tensor
    calls = nodes(model)
    uses = Counter(id(call.operation) for call in calls)
    for call in calls:
        operation = call.operation
        inputs = [tensor_channels[id(tensor)] for tensor in call.input_tensors]
        operation_call = OperationCall(call, inputs, uses[id(operation)])
        outputs = couple_outputs(coupling, operation_call)
        for tensor, channels in zip(call.output_tensors, outputs, strict=True):
            tensor_channels[id(tensor)] = channels
        first_input = np.zeros(0, np.int64)
        if inputs:
            first_input = inputs[0]
        channels_of[operation.name] = (first_input, outputs[0])
    model_output = tensor_channels[id(model.outputs[0])]
    coupling.fix(model_output, "its channels are the model's answer")
    return channels_of


def _families(model: keras.Model, channels: dict[str, Channels]) -> list[Family]:
    """Return all groups by the layers that produce them, in order of first appearance."""
    # Dictionaries without values serve as ordered sets.
    producers: dict[int, dict[str, None]] = {}
    for call in nodes(model):
        name = call.operation.name
        if kind(call.operation) not in MIXING:
            continue
        for group in channels[name].outputs:
            layers = producers.setdefault(int(group), {})
            layers[name] = None
    groups_by_layers: dict[tuple[str, ...], list[int]] = {}
    for group, layers in producers.items():
        groups = groups_by_layers.setdefault(tuple(layers), [])
        groups.append(group)
    families = []
    for layer_names, groups in groups_by_layers.items():
        families.append(Family(layer_names, np.array(groups)))
    return families
