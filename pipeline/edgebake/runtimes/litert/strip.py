"""Take out of LiteRT's file what says how it was made and by whom."""

from edgebake.models.tflite import strip as tflite_strip
from edgebake.runtimes.litert import FILE


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the file without words; it answers with the same bits."""
    return {FILE: tflite_strip.strip(files[FILE])}
