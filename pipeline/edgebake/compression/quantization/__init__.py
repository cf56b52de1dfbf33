"""Quantize a model: schemes, calibration of ranges, sensitivity, quantization-aware training."""
