"""Replace operators that only pick entries of axes by gathers.

coremltools converts some of them to operators that pick others: its nearest resizing takes the
corner of a pixel for its center, its symmetric padding is a reflecting one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.models.graph_nodes import Nodes, constant_value

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    Indices = Mapping[int, NDArray[np.int32]]  # axis -> index of each entry of the output


def nearest_resizing(operation: tf.Operation) -> list[NodeDef]:
    """Return gathers of rows and columns; nothing for whole factors and sizes that are open."""
    import tensorflow

    _, *sides, _ = operation.inputs[0].shape
    size = constant_value(operation.inputs[1])
    if size is None or None in sides:
        return []
    indices: dict[int, NDArray[np.int32]] = {}
    for number, side in enumerate(sides):
        new_side = int(size[number])
        if new_side % side == 0:
            continue
        numbers = np.arange(side, dtype=np.float32).reshape(1, side, 1, 1)
        picked = tensorflow.raw_ops.ResizeNearestNeighbor(
            images=numbers,
            size=[new_side, 1],
            align_corners=operation.get_attr("align_corners"),
            half_pixel_centers=operation.get_attr("half_pixel_centers"),
        )
        indices[number + 1] = np.asarray(picked, np.int32).reshape(-1)
    return _gathers(operation, indices)


def symmetric_padding(operation: tf.Operation) -> list[NodeDef]:
    """Return gathers of the padded axes; nothing for a reflecting padding and open sizes."""
    paddings = constant_value(operation.inputs[1])
    if operation.get_attr("mode") != b"SYMMETRIC" or paddings is None:
        return []
    indices: dict[int, NDArray[np.int32]] = {}
    for axis, padding in enumerate(paddings):
        if not padding.any():
            continue
        size = operation.inputs[0].shape[axis]
        if size is None:
            return []
        numbers = np.arange(size, dtype=np.int32)
        indices[axis] = np.pad(numbers, padding, mode="symmetric")
    return _gathers(operation, indices)


def roll(operation: tf.Operation) -> list[NodeDef]:
    """Return gathers of the rolled axes; nothing for open sizes."""
    shifts = constant_value(operation.inputs[1])
    axes = constant_value(operation.inputs[2])
    if shifts is None or axes is None:
        return []
    indices: dict[int, NDArray[np.int32]] = {}
    for shift, axis in zip(np.atleast_1d(shifts), np.atleast_1d(axes), strict=True):
        shape = operation.inputs[0].shape
        positive_axis = int(axis) % len(shape)
        size = shape[positive_axis]
        if size is None or positive_axis in indices:
            return []
        numbers = np.arange(size, dtype=np.int32)
        indices[positive_axis] = np.roll(numbers, int(shift))
    return _gathers(operation, indices)


def _gathers(operation: tf.Operation, indices: Indices) -> list[NodeDef]:
    if not indices:
        return []
    nodes = Nodes(operation)
    value = nodes.input(0)
    for axis, picked in indices.items():
        value = nodes.gather(value, picked, axis)
    return nodes.finish()
