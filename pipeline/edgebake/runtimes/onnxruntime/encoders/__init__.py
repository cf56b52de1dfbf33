"""Encoders of ONNX Runtime, one module per family: SCHEMES, and encode(model, quantized, options)."""
