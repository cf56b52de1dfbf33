"""Store the larger weights and where they stand; the rest is zero."""

WEIGHTS = "sparse"
ACTIVATIONS = "float32"
DTYPE = "float16"
BITS: int | None = None
WORDS: tuple[str, ...] = ("sparsity",)
