"""What quantize hands to convert survives its folder."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake.models.activation_ranges import ActivationRange, ActivationRanges
from edgebake.models.float_fallback import FloatFallback
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Compression, DType, Granularity, Palette

PROBES = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 2, 2, 1)
RELU = ActivationRange(
    "cnn/re_lu_1/Relu6",
    0,
    0.1 + 0.2,
    0,
    6,
    0,
    5.5,
    0,
    6,
    (0.0, 6.0, 1 / 3, 2.5),
    ("cnn/conv_1/convolution",),
)
IMAGE = ActivationRange("image", -1, 1, -1, 1, -1, 1, -1, 1, (-1.0, 1.0, 0.0, 0.5))
INT8 = QuantizedModel(
    b"keras",
    "int8",
    "int8",
    "int8",
    Granularity.per_channel,
    ActivationRanges([IMAGE, RELU], {"image": PROBES}),
)
FLOAT16 = QuantizedModel(b"keras", "float16", weights="float16", activations="float32")


def test_scheme_and_model_read_back() -> None:
    assert QuantizedModel.from_files(FLOAT16.to_files()) == FLOAT16


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
def test_compression_reads_back(compression: Compression) -> None:
    quantized = QuantizedModel(
        b"keras", "some_scheme", "palette", "float32", compression=compression
    )
    assert QuantizedModel.from_files(quantized.to_files()) == quantized


def test_fallback_layers_read_back() -> None:
    layers = {"conv2d (CONV_2D)": ["cnn/conv_1/convolution", "cnn/re_lu_1/Relu6"]}
    quantized = QuantizedModel(
        b"keras",
        "mixed",
        "int8",
        "int8",
        Granularity.per_tensor,
        fallback_dtype=DType.float16,
        fallback_layers=layers,
    )
    assert QuantizedModel.from_files(quantized.to_files()) == quantized


def test_ranges_and_probes_read_back_to_the_last_bit() -> None:
    found = QuantizedModel.from_files(INT8.to_files()).ranges
    assert found is not None
    assert found.entries == [IMAGE, RELU]
    assert list(found.probes) == ["image"]
    assert found.probes["image"].dtype == np.float32
    np.testing.assert_array_equal(found.probes["image"], PROBES)


def test_probes_of_several_inputs_are_fields_of_one_file() -> None:
    ids = np.arange(8, dtype=np.int32).reshape(2, 4)
    ranges = ActivationRanges([IMAGE], {"motion": PROBES, "ids": ids})
    quantized = replace(INT8, ranges=ranges)
    files = quantized.to_files()
    assert [file for file in files if "probes" in file] == ["probes.npy"]
    found = QuantizedModel.from_files(files).ranges
    assert found is not None
    assert found.probes["ids"].dtype == np.int32
    assert found.probes["ids"].tolist() == ids.tolist()
    np.testing.assert_array_equal(found.probes["motion"], PROBES)


@pytest.mark.parametrize("quantized", [INT8, FLOAT16])
def test_the_files_are_the_same_for_every_scheme(quantized: QuantizedModel) -> None:
    assert sorted(quantized.to_files()) == [
        "model.keras",
        "probes.npy",
        "ranges.csv",
        "scheme.json",
    ]


def test_a_scheme_that_stays_in_float_has_no_ranges() -> None:
    files = FLOAT16.to_files()
    assert files["ranges.csv"].count(b"\n") == 1
    assert QuantizedModel.from_files(files).ranges is None


def test_operators_in_float_read_back() -> None:
    fallback = FloatFallback(("PRELU", "layer:head"), limit=0.25)
    quantized = replace(INT8, fallback=fallback)
    assert QuantizedModel.from_files(quantized.to_files()).fallback == fallback
