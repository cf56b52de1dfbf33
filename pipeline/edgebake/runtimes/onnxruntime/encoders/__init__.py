"""Encoders of ONNX Runtime, one module per family.

Each has SCHEMES and encode(model, quantized, options).
"""
