"""Store weights in float16; the device computes in whatever float it is best at."""

WEIGHTS = "float16"
ACTIVATIONS = "float32"
DTYPE = "float16"
BITS: int | None = None
WORDS: tuple[str, ...] = ()
