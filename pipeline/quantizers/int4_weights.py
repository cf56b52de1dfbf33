"""Store weights as int4 with a scale for each block; activations stay in float."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float16"
CALIBRATED = False
COMPRESSION = ("block_size",)
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for int4 weights."""
    return Quantized(archive, "int4_weights", weights="int4", activations="float32")
