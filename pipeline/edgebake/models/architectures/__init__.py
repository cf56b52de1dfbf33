"""Architectures, one module each: `build` returns an untrained Keras model of one.

The model maps `image`, float32 [n, h, w, c], to `probabilities`, float32 [n, classes].
MINIMUM_RESOLUTION is the smallest height and width, in pixels, that the strides allow.
"""
