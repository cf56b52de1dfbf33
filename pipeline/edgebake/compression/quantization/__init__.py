"""Quantization: schemes, calibration, sensitivity analysis and quantization-aware training."""
