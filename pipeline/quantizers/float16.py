"""Store weights in float16; the device computes in whatever float it is best at."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float16"
CALIBRATED = False
COMPRESSION: tuple[str, ...] = ()
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for float16 weights."""
    return Quantized(archive, "float16", weights="float16", activations="float32")
