"""Store where the larger weights stand, and those as indices into lookup tables."""

WEIGHTS = "sparse"
ACTIVATIONS = "float32"
DTYPE = "float16"
BITS: int | None = None
WORDS: tuple[str, ...] = ("sparsity", "palette")
