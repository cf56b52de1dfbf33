"""What quantize hands to convert survives its folder."""

import numpy as np
import pytest

from pipeline.quantized import Quantized, from_files
from pipeline.recipe import Compression, Palette

EXAMPLES = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 2, 2, 1)
INT8 = Quantized(b"keras", "int8", weights="int8", activations="int8", calibration=EXAMPLES)
FLOAT16 = Quantized(b"keras", "float16", weights="float16", activations="float32")


def test_scheme_and_model_read_back() -> None:
    assert from_files(FLOAT16.to_files()) == FLOAT16


@pytest.mark.parametrize(
    "compression",
    [
        Compression(),
        Compression(block_size=32),
        Compression(sparsity=0.5),
        Compression(Palette(bits=4, group_size=None, per_channel_scale=False)),
        Compression(Palette(bits=6, group_size=8, per_channel_scale=True), sparsity=0.75),
    ],
)
def test_how_weights_are_stored_reads_back(compression: Compression) -> None:
    quantized = Quantized(b"keras", "some_scheme", "palette", "float32", compression=compression)
    assert from_files(quantized.to_files()) == quantized


def test_calibration_reads_back_to_the_last_bit() -> None:
    found = from_files(INT8.to_files()).calibration
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, EXAMPLES)


@pytest.mark.parametrize(
    ("quantized", "names"),
    [
        (INT8, ["calibration.npy", "model.keras", "scheme.json"]),
        (FLOAT16, ["model.keras", "scheme.json"]),
    ],
)
def test_examples_are_written_only_for_a_scheme_that_needs_them(quantized: Quantized, names: list[str]) -> None:
    assert sorted(quantized.to_files()) == names


def test_calibration_that_would_run_code_is_refused() -> None:
    objects = np.array([{"an": "object"}], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Quantized(b"keras", "int8", "int8", "int8", objects).to_files()
