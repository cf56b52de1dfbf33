"""Keras models with many kinds of layers and outputs, to compare what runs their packages."""

from typing import Any

import numpy as np


def detection(size: int = 96, anchors: int = 3, classes: int = 6) -> Any:
    """Return a detector of two scales: boxes [1, n, 4] and scores [1, n, classes]."""
    import keras

    image = keras.Input((size, size, 3), name="image")
    coarse = fine = _block(_block(_block(image, 16, 2), 32, 2), 48, 2)
    coarse = _block(coarse, 64, 2)
    above = keras.layers.UpSampling2D(2, interpolation="nearest")(coarse)
    fine = _block(keras.layers.Concatenate()([fine, above]), 48, 1)
    result = [
        _decoded(level, size // stride, stride, (anchors, classes))
        for level, stride in ((fine, 8), (coarse, 16))
    ]
    boxes = keras.layers.Concatenate(axis=1, name="boxes")([entry for entry, _ in result])
    scores = keras.layers.Concatenate(axis=1, name="scores")([entry for _, entry in result])
    return keras.Model(image, [boxes, scores])


def segmentation(size: int = 96, classes: int = 5) -> Any:
    """Return a segmentation model with a softmax per pixel.

    It has squeeze-and-excite, transposed convolutions and both kinds of resize.
    """
    import keras

    layers = keras.layers
    image = keras.Input((size, size, 3), name="image")
    half = _block(image, 16, 2)
    quarter = _block(half, 24, 2)
    x = _excited(
        layers.Conv2D(32, 3, dilation_rate=2, padding="same", activation="swish")(
            _block(quarter, 32, 2)
        )
    )
    x = layers.Conv2DTranspose(24, 3, strides=2, padding="same")(x)
    x = _block(layers.Concatenate()([x, quarter]), 24, 1)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.LeakyReLU(0.1)(layers.Add()([layers.Conv2D(16, 1)(x), half]))
    x = layers.Conv2DTranspose(8, 2, strides=2, padding="valid")(x)
    x = layers.ZeroPadding2D(((1, 2), (0, 1)))(x)
    x = layers.AveragePooling2D(3, 1, padding="same")(layers.MaxPooling2D(2, 1, padding="same")(x))
    x = layers.Cropping2D(((1, 2), (0, 1)))(x)
    x = layers.UpSampling2D(2, interpolation="nearest")(x)
    x = layers.Resizing(size // 2 + 5, size // 2 + 3, interpolation="bilinear")(x)
    x = layers.DepthwiseConv2D(5, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Softmax(axis=-1, name="classes")(layers.Conv2D(classes, 1)(x)))


def _block(x: Any, filters: int, strides: int) -> Any:
    import keras

    x = keras.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))


def _excited(x: Any) -> Any:
    import keras

    squeezed = keras.layers.Conv2D(8, 1, activation="relu")(
        keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    )
    return keras.layers.Multiply()(
        [x, keras.layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid")(squeezed)]
    )


def _decoded(level: Any, grid: int, stride: int, sizes: tuple[int, int]) -> tuple[Any, Any]:
    import keras

    anchors, classes = sizes
    raw = keras.layers.Reshape((grid * grid * anchors, 5 + classes))(
        keras.layers.Conv2D(anchors * (5 + classes), 1)(level)
    )
    corners = np.stack(np.meshgrid(np.arange(grid), np.arange(grid)), -1).reshape(1, -1, 1, 2)
    places = corners.repeat(anchors, 2).reshape(1, -1, 2).astype(np.float32)
    sides = np.tile(
        np.linspace(8, 64, anchors * 2).reshape(1, anchors, 2), (1, grid * grid, 1)
    ).astype(np.float32)
    centre = (keras.ops.sigmoid(raw[..., :2]) * 2.0 - 0.5 + places) * float(stride)
    extent = keras.ops.exp(keras.ops.clip(raw[..., 2:4], -4, 4)) * sides
    boxes = keras.layers.Concatenate()([centre - extent / 2, centre + extent / 2])
    return boxes, keras.ops.sigmoid(raw[..., 4:5]) * keras.layers.Softmax()(raw[..., 5:])
