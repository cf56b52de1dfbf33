"""Architectures, one module each: `build` returns an untrained Keras model of one.

The model maps the contract's input tensor [n, ...] to `probabilities`, float32 [n, classes].
KINDS are the kinds of inputs that it takes; images, if it has none. MINIMUM_RESOLUTION is the
smallest height and width of an image, in pixels, that the strides allow.
"""
