"""A model whose layers have sixteen weights each goes into tables of sixteen without a loss.

Guards that a clustered model loses nothing on its way to Core ML.
Slow: it imports coremltools and converts.
"""

import dataclasses

import numpy as np
import pytest

from edgebake.compression.pruning.methods import cluster
from edgebake.models import keras_session
from edgebake.recipe import Convert, Prune
from edgebake.runtimes.coreml import convert, package
from edgebake.runtimes.coreml.executor.program import read_program
from tests.compression.pruning.methods import halves
from tests.contracts import image_contract
from tests.runtimes.coreml.test_convert import ABOUT, PALETTE, WORDS, quantized

pytestmark = pytest.mark.slow

SMALL = image_contract(
    "classification",
    8,
    8,
    "grayscale",
    "none",
    "bilinear",
    [127.5],
    [1 / 127.5],
    ["dark below", "even"],
)


def test_tables_of_four_bits_hold_every_weight_to_float16() -> None:
    learnt = cluster.prune(
        halves.parent(), Prune("cluster", bits=4, per_channel=False, fine_tune=halves.LEARN)
    ).model
    item = quantized(keras_session.save(learnt), "palettized")
    item = dataclasses.replace(item, compression=PALETTE)
    program = read_program(
        package.read(convert.convert(item, SMALL, ABOUT, Convert("coreml", WORDS)))
    )
    stored = [
        np.unique(program.constants[entry.outputs[0].name][1]) for entry in program.compressed
    ]
    kernels = [
        np.array(layer.kernel, np.float16) for layer in learnt.layers if hasattr(layer, "kernel")
    ]
    assert sorted(map(list, stored)) == sorted(list(np.unique(kernel)) for kernel in kernels)
    assert [len(values) for values in stored] == [16] * 4
