"""Compute in float32."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float32"
CALIBRATED = False
COMPRESSION: tuple[str, ...] = ()
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model as it was trained."""
    return Quantized(archive, "none", weights="float32", activations="float32")
