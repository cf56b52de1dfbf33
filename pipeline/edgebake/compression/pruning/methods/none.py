"""No pruning: keep every channel and weight."""

WORDS: tuple[str, ...] = ()
ONE_OF: tuple[tuple[str, ...], ...] = ()
TOOLS: tuple[str, ...] = ()
