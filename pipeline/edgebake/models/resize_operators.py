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
        align_corners = operation.get_attr("align_corners")
        half_pixel_centers = operation.get_attr("half_pixel_centers")
        return tensorflow.raw_ops.ResizeBicubic(
            images=images,
            size=size,
            align_corners=align_corners,
            half_pixel_centers=half_pixel_centers,
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
        position = axis - 1
        scale[position] = float(scales[position])
        translation[position] = float(translations[position])
        kernel_type = operation.get_attr("kernel_type")
        antialias = operation.get_attr("antialias")
        return tensorflow.raw_ops.ScaleAndTranslate(
            images=images,
            size=size,
            scale=scale,
            translation=translation,
            kernel_type=kernel_type,
            antialias=antialias,
        )

    return _products(operation, resize)


def _products(operation: tf.Operation, resize: Resize) -> list[NodeDef]:
    _, height, width, channels = operation.inputs[0].shape
    _, new_height, new_width, _ = operation.outputs[0].shape
    if None in (height, width, channels, new_height, new_width):
        return []
    row_identity = np.eye(height, dtype=np.float32)
    row_images = row_identity.reshape(1, height, 1, height)
    column_identity = np.eye(width, dtype=np.float32)
    column_images = column_identity.reshape(1, 1, width, width)
    resized_rows = np.asarray(resize(row_images, 1, [new_height, 1]))
    row_weights = resized_rows.reshape(1, new_height, height)
    resized_columns = np.asarray(resize(column_images, 2, [1, new_width]))
    column_weights = resized_columns.reshape(1, new_width, width)
    nodes = Nodes(operation)
    x = nodes.input(0)
    flat = nodes.reshape(x, (-1, height, width * channels))
    row_matrix = nodes.constant(row_weights)
    resized = nodes.add("BatchMatMulV2", [row_matrix, flat])
    lines = nodes.reshape(resized, (-1, width, channels))
    column_matrix = nodes.constant(column_weights)
    resized = nodes.add("BatchMatMulV2", [column_matrix, lines])
    nodes.reshape(resized, (-1, new_height, new_width, channels))
    return nodes.finish()
