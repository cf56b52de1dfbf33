"""Compute with int16 activations and int8 weights: for models whose activations need more than 256 steps."""

WEIGHTS = "int8"
ACTIVATIONS = "int16"
DTYPE = "int8"
BITS: int | None = None
WORDS: tuple[str, ...] = ("granularity",)
