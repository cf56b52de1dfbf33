"""Store weights as int4 with a scale for each block; activations stay in float."""

WEIGHTS = "int4"
ACTIVATIONS = "float32"
DTYPE = "float16"
BITS: int | None = 4
WORDS: tuple[str, ...] = ("block_size",)
