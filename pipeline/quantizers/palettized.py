"""Store weights as indices into lookup tables; a table holds the best few values, by k-means."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float16"
CALIBRATED = False
COMPRESSION = ("palette",)
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for palettized weights."""
    return Quantized(archive, "palettized", weights="palette", activations="float32")
