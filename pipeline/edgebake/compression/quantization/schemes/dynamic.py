"""Store weights as int8; activations stay in float, or are quantized on the fly where a runtime can."""

WEIGHTS = "int8"
ACTIVATIONS = "float32"
DTYPE = "float32"
BITS: int | None = None
WORDS: tuple[str, ...] = ()
