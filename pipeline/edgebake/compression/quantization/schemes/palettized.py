"""Store weights as indices into lookup tables; a table holds the best few values, by k-means."""

WEIGHTS = "palette"
ACTIVATIONS = "float32"
DTYPE = "float16"
BITS: int | None = None
WORDS: tuple[str, ...] = ("palette",)
