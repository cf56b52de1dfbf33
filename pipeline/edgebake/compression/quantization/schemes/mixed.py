"""Compute in int8, but for the fewest layers that let the accuracy gate pass: they keep a higher precision."""

WEIGHTS = "int8"
ACTIVATIONS = "int8"
DTYPE = "int8"
BITS: int | None = None
WORDS: tuple[str, ...] = ("granularity", "keep")
