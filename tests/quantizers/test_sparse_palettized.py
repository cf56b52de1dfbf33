"""Sparse, palettized weights are a wish that Core ML's converter grants: the model is handed on as it is."""

from pipeline.quantized import Quantized
from pipeline.quantizers import sparse_palettized


def test_the_model_is_handed_on_and_its_weights_are_to_become_sparse() -> None:
    found = sparse_palettized.quantize(b"keras", None)
    assert found == Quantized(b"keras", "sparse_palettized", weights="sparse", activations="float32")


def test_it_looks_at_no_examples_and_needs_a_device_with_float16() -> None:
    assert (sparse_palettized.CALIBRATED, sparse_palettized.DTYPE) == (False, "float16")
    assert sparse_palettized.COMPRESSION == ("sparsity", "palette")
