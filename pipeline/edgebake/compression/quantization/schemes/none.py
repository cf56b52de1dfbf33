"""Compute in float32."""

WEIGHTS = "float32"
ACTIVATIONS = "float32"
DTYPE = "float32"
BITS: int | None = None
WORDS: tuple[str, ...] = ()
