"""Architectures, one file each: build(model, channels, classes) -> a Keras model `image` -> `probabilities`.

MINIMUM_RESOLUTION is the least number of pixels a side that its strides leave something of.
"""
