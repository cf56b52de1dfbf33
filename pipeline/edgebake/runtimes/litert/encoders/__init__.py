"""Encoders of LiteRT, one module per family.

Each has SCHEMES and encode(model, quantized, options).
"""
