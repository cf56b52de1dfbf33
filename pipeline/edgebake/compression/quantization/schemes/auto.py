"""Stand for the first option of a ladder with which every gate passes; the planner puts that option in its place."""

WEIGHTS = "those of the option"
ACTIVATIONS = "those of the option"
DTYPE = "float32"
BITS: int | None = None
WORDS: tuple[str, ...] = ("ladder",)
