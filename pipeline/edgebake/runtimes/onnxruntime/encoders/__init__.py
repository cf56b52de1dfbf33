"""Encoders of ONNX Runtime, a module for each family: SCHEMES that it writes, and encode(model, quantized, options)."""
