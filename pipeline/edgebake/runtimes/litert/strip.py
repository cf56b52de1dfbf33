"""Remove names, texts and metadata from LiteRT's file."""

from edgebake.models.tflite import strip as tflite_strip
from edgebake.runtimes.litert import FILE


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the file without texts; its outputs are bit-identical."""
    return {FILE: tflite_strip.strip(files[FILE])}
