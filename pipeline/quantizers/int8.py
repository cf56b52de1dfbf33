"""Compute in int8, weights and activations; ranges come from calibration examples (post-training)."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "int8"
CALIBRATED = True
COMPRESSION: tuple[str, ...] = ()
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, calibration: Calibration) -> Quantized:
    """Return the model with the wish for int8 and the examples that show the ranges."""
    return Quantized(archive, "int8", weights="int8", activations="int8", calibration=calibration)
