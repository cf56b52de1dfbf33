"""Encoders of Core ML, one module per family: SCHEMES, and encode(model, storage, weights).

SCHEMES maps each scheme to the first iOS version that supports its storage.
"""
