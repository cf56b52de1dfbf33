"""Store weights as int8; activations stay in float, or are quantized on the fly where a runtime can."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float32"
CALIBRATED = False
COMPRESSION: tuple[str, ...] = ()
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for int8 weights."""
    return Quantized(archive, "dynamic", weights="int8", activations="float32")
