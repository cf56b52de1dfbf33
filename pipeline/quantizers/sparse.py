"""Store the larger weights and where they stand; the rest is zero."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float16"
CALIBRATED = False
COMPRESSION = ("sparsity",)
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for sparse weights."""
    return Quantized(archive, "sparse", weights="sparse", activations="float32")
