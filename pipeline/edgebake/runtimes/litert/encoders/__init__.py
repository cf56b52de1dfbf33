"""Encoders of LiteRT, one module per family: SCHEMES, and encode(model, quantized, options)."""
