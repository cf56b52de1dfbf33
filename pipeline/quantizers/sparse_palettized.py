"""Store where the larger weights stand, and those as indices into lookup tables."""

from pipeline.quantized import Calibration, Quantized

DTYPE = "float16"
CALIBRATED = False
COMPRESSION = ("sparsity", "palette")
TOOLS: tuple[str, ...] = ()


def quantize(archive: bytes, _: Calibration) -> Quantized:
    """Return the model with the wish for sparse, palettized weights."""
    return Quantized(archive, "sparse_palettized", weights="sparse", activations="float32")
