"""Palettized weights are a wish that Core ML's converter grants: the model itself is handed on as it is."""

from pipeline.quantized import Quantized
from pipeline.quantizers import palettized


def test_the_model_is_handed_on_and_its_weights_are_to_become_palette() -> None:
    found = palettized.quantize(b"keras", None)
    assert found == Quantized(b"keras", "palettized", weights="palette", activations="float32")


def test_it_looks_at_no_examples_and_needs_a_device_with_float16() -> None:
    assert (palettized.CALIBRATED, palettized.DTYPE) == (False, "float16")
    assert palettized.COMPRESSION == ("palette",)
