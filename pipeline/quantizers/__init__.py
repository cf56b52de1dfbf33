"""Quantization schemes, one file each.

DTYPE is the arithmetic a device must have, CALIBRATED whether the scheme looks at calibration examples, COMPRESSION
which words of `quantize.compression` it needs.
quantize(archive, calibration) takes a Keras archive and the examples as the model sees them, float32 [n, h, w, c]
(none where the scheme is not calibrated), and returns what a runtime needs in order to convert.
"""
