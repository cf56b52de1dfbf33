"""Compute in int8, weights and activations."""

WEIGHTS = "int8"
ACTIVATIONS = "int8"
DTYPE = "int8"
BITS: int | None = 8
WORDS: tuple[str, ...] = ("granularity",)
