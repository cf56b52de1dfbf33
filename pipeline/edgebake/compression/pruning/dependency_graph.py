"""A Keras model in, which of its channels have to go together out.

Every channel of every tensor is a point; where an operation makes two of them one (a residual addition, a depthwise
convolution, batch normalization), they are joined. What is connected is a group: all of it stays, or all of it goes.
Source: Fang et al., DepGraph, https://arxiv.org/abs/2301.12900, section 3.2; here channel by channel, so that
concatenation and flattening need no index arithmetic later on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edgebake.compression.pruning import channel_coupling
from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    GroupIds: TypeAlias = NDArray[np.int64]  # a group's number for each channel


@dataclass(frozen=True)
class Channels:
    """The groups that an operation reads (its first input) and returns."""

    inputs: GroupIds
    outputs: GroupIds


@dataclass(frozen=True)
class Family:
    """Groups that the same layers make: one can be exchanged for another."""

    layers: tuple[str, ...]
    groups: GroupIds


@dataclass(frozen=True)
class Dependencies:
    """Channels of every operation by its name, the families that may be cut, and why other layers stay whole."""

    channels: dict[str, Channels]
    families: list[Family]
    whole: dict[str, str]
    count: int  # of groups


def read(model: Any) -> Dependencies:
    """Return the dependencies of a functional model of one input and one output."""
    walk, named = channel_coupling.Coupling(), {}
    tensors: dict[int, Any] = {}
    calls = nodes(model)
    uses = [id(call.operation) for call in calls]
    for call in calls:
        inputs = [tensors[id(tensor)] for tensor in call.input_tensors]
        seen = channel_coupling.OperationCall(call, inputs, uses.count(id(call.operation)))
        for tensor, points in zip(
            call.output_tensors, channel_coupling.outputs(walk, seen), strict=True
        ):
            tensors[id(tensor)] = points
        named[call.operation.name] = (inputs, tensors[id(call.output_tensors[0])])
    walk.keep(tensors[id(model.outputs[0])], "its channels are the model's answer")
    groups, count = walk.groups()
    channels = {
        name: Channels(groups[inputs[0]] if inputs else groups[:0], groups[output])
        for name, (inputs, output) in named.items()
    }
    makers = [
        call.operation.name for call in calls if kind(call.operation) in channel_coupling.MIXING
    ]
    kept = {int(groups[point]): why for points, why in reversed(walk.kept) for point in points}
    families = _families({name: channels[name].outputs for name in makers})
    free = [family for family in families if not any(int(group) in kept for group in family.groups)]
    return Dependencies(channels, free, _reasons(families, kept), count)


def _families(made: dict[str, GroupIds]) -> list[Family]:
    """Return the groups sorted by which layers make them, in the order in which they first come."""
    makers: dict[int, dict[str, None]] = {}
    for name, groups in made.items():
        for group in groups:
            makers.setdefault(int(group), {})[name] = None
    found: dict[tuple[str, ...], list[int]] = {}
    for group, names in makers.items():
        found.setdefault(tuple(names), []).append(group)
    return [Family(names, np.array(groups)) for names, groups in found.items()]


def _reasons(families: list[Family], kept: dict[int, str]) -> dict[str, str]:
    """Return the layers of families that may not be cut, each with the first reason found."""
    found: dict[str, str] = {}
    for family in families:
        why = next((kept[int(group)] for group in family.groups if int(group) in kept), None)
        if why is not None:
            found |= {name: why for name in family.layers if name not in found}
    return found
