"""Replace resizing that runtimes lack by products with matrices of constants.

Bicubic, Lanczos and antialiased resizing are linear, along the rows and along the columns alone. So
TensorFlow's own operator, run on unit vectors, gives the matrix of each axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.models.graph_nodes import Nodes, constant_value

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    # Image [1, h, w, c], its axis that is resized, new height and width -> image [1, h, w, c].
    Resize = Callable[[NDArray[np.float32], int, list[int]], tf.Tensor]


def bicubic(operation: tf.Operation) -> list[NodeDef]:
    """Return two products for ResizeBicubic; nothing for open sizes."""
    import tensorflow

    def resize(images: NDArray[np.float32], _axis: int, size: list[int]) -> tf.Tensor:
        return tensorflow.raw_ops.ResizeBicubic(
            images=images,
            size=size,
            align_corners=operation.get_attr("align_corners"),
            half_pixel_centers=operation.get_attr("half_pixel_centers"),
        )

    return _products(operation, resize)


def scale_and_translate(operation: tf.Operation) -> list[NodeDef]:
    """Return two products for ScaleAndTranslate, which resizes with antialiasing, or by Lanczos."""
    import tensorflow

    scales = constant_value(operation.inputs[2])
    translations = constant_value(operation.inputs[3])
    if scales is None or translations is None:
        return []

    def resize(images: NDArray[np.float32], axis: int, size: list[int]) -> tf.Tensor:
        scale = [1.0, 1.0]
        translation = [0.0, 0.0]
        scale[axis - 1] = float(scales[axis - 1])
        translation[axis - 1] = float(translations[axis - 1])
        return tensorflow.raw_ops.ScaleAndTranslate(
            images=images,
            size=size,
            scale=scale,
            translation=translation,
            kernel_type=operation.get_attr("kernel_type"),
            antialias=operation.get_attr("antialias"),
        )

    return _products(operation, resize)


def _products(operation: tf.Operation, resize: Resize) -> list[NodeDef]:
    _, height, width, channels = operation.inputs[0].shape
    _, new_height, new_width, _ = operation.outputs[0].shape
    if None in (height, width, channels, new_height, new_width):
        return []
    of_rows = np.eye(height, dtype=np.float32).reshape(1, height, 1, height)
    of_columns = np.eye(width, dtype=np.float32).reshape(1, 1, width, width)
    rows = np.asarray(resize(of_rows, 1, [new_height, 1])).reshape(1, new_height, height)
    columns = np.asarray(resize(of_columns, 2, [1, new_width])).reshape(1, new_width, width)
    nodes = Nodes(operation)
    flat = nodes.reshape(nodes.input(0), (-1, height, width * channels))
    resized = nodes.add("BatchMatMulV2", [nodes.constant(rows), flat])
    lines = nodes.reshape(resized, (-1, width, channels))
    resized = nodes.add("BatchMatMulV2", [nodes.constant(columns), lines])
    nodes.reshape(resized, (-1, new_height, new_width, channels))
    return nodes.finish()
