"""Sparse weights are a wish that Core ML's converter grants: the model itself is handed on as it is."""

from pipeline.quantized import Quantized
from pipeline.quantizers import sparse


def test_the_model_is_handed_on_and_its_weights_are_to_become_sparse() -> None:
    found = sparse.quantize(b"keras", None)
    assert found == Quantized(b"keras", "sparse", weights="sparse", activations="float32")


def test_it_looks_at_no_examples_and_needs_a_device_with_float16() -> None:
    assert (sparse.CALIBRATED, sparse.DTYPE) == (False, "float16")
    assert sparse.COMPRESSION == ("sparsity",)
