"""Dependency graph of a Keras model: the channels that can only be pruned together.

Each channel of each tensor is a node. Operations that combine two channels element by element (a
residual addition, a depthwise convolution, batch normalization) couple them. Connected channels
form a group, which is pruned as a whole or not at all.
Source: Fang et al., DepGraph, https://arxiv.org/abs/2301.12900, section 3.2; here with one node per
channel, so that concatenation and flattening need no index arithmetic.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.compression.pruning.channel_coupling import Coupling, OperationCall, couple_outputs
from edgebake.compression.pruning.operation_kinds import MIXING
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
        input_groups = groups[inputs]
        output_groups = groups[outputs]
        channels[name] = Channels(input_groups, output_groups)
    fixed: dict[int, str] = {}
    for channel_ids, reason in coupling.fixed:
        fixed_groups = groups[channel_ids].tolist()
        for group in fixed_groups:
            fixed.setdefault(group, reason)
    unpruned: dict[str, str] = {}
    prunable = []
    for family in _families(model, channels):
        reason_to_stay = _reason_to_stay(family, fixed)
        if reason_to_stay is None:
            prunable.append(family)
            continue
        for name in family.layers:
            unpruned.setdefault(name, reason_to_stay)
    return Dependencies(channels, prunable, unpruned, group_count)


def _reason_to_stay(family: Family, fixed: dict[int, str]) -> str | None:
    """Return why the first fixed group of a family has to stay; None if it has no such group."""
    for group in family.groups.tolist():
        if group in fixed:
            return fixed[group]
    return None


def _couple_model(
    model: keras.Model, coupling: Coupling
) -> dict[str, tuple[ChannelIds, ChannelIds]]:
    """Couple all channels of a model; return those of each operation's first input and output."""
    channels_of: dict[str, tuple[ChannelIds, ChannelIds]] = {}
    tensor_channels: dict[int, ChannelIds] = {}  # by id of the tensor
    calls = nodes(model)
    uses = Counter([id(call.operation) for call in calls])
    for call in calls:
        operation = call.operation
        inputs = []
        for tensor in call.input_tensors:
            channels = tensor_channels[id(tensor)]
            inputs.append(channels)
        operation_uses = uses[id(operation)]
        operation_call = OperationCall(call, inputs, operation_uses)
        outputs = couple_outputs(coupling, operation_call)
        channels_by_tensor = zip(call.output_tensors, outputs, strict=True)
        for tensor, channels in channels_by_tensor:
            tensor_channels[id(tensor)] = channels
        first_input = np.zeros(0, np.int64)
        if inputs:
            first_input = inputs[0]
        channels_of[operation.name] = (first_input, outputs[0])
    model_output = model.outputs[0]
    coupling.fix(tensor_channels[id(model_output)], "its channels are the output of the model")
    return channels_of


def _families(model: keras.Model, channels: dict[str, Channels]) -> list[Family]:
    """Return all groups by the layers that produce them, in order of first appearance."""
    # Dictionaries without values serve as ordered sets.
    producers: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for call in nodes(model):
        operation = call.operation
        if kind(operation) not in MIXING:
            continue
        name = operation.name
        outputs = channels[name].outputs
        for group in outputs.tolist():
            producers[group][name] = None
    groups_by_layers: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for group, producing_layers in producers.items():
        layers = tuple(producing_layers)
        groups_by_layers[layers].append(group)
    families = []
    for layers, groups in groups_by_layers.items():
        family = Family(layers, np.array(groups))
        families.append(family)
    return families
