"""int4 weights are a wish that Core ML's converter grants: the model itself is handed on as it is."""

from pipeline.quantized import Quantized
from pipeline.quantizers import int4_weights


def test_the_model_is_handed_on_and_its_weights_are_to_become_int4() -> None:
    found = int4_weights.quantize(b"keras", None)
    assert found == Quantized(b"keras", "int4_weights", weights="int4", activations="float32")


def test_it_looks_at_no_examples_and_needs_a_device_with_float16() -> None:
    assert (int4_weights.CALIBRATED, int4_weights.DTYPE) == (False, "float16")
    assert int4_weights.COMPRESSION == ("block_size",)
