"""Encoders of Core ML, a module for each family: SCHEMES that it writes, and encode(model, storage, weights)."""
