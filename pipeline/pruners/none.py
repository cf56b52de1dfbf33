"""Keep every channel and weight."""

WORDS: tuple[str, ...] = ()
TOOLS: tuple[str, ...] = ()
