"""Quantization schemes, one file each: the numbers that weights and activations are stored in.

WEIGHTS      float32, float16, int8, int4, palette or sparse
ACTIVATIONS  float32, int8 or int16; integers need ranges, so the scheme is calibrated on examples
DTYPE        the arithmetic a device must have
BITS         of weights, for the schemes that training can prepare a model for; none: it cannot
WORDS        which words of `quantize.compression`, and which others of `quantize`, it needs
"""
