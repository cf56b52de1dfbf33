"""The facts of every scheme, which rules, converters and checks build on."""

import pytest

from edgebake import plugins
from edgebake.recipe import Compression, Quantize

# scheme: weights, activations, what a device must have, bits that training can prepare for
SCHEMES = {
    "dynamic": ("int8", "float32", "float32", None),
    "float16": ("float16", "float32", "float16", None),
    "int16x8": ("int8", "int16", "int8", None),
    "int4_weights": ("int4", "float32", "float16", 4),
    "int8": ("int8", "int8", "int8", 8),
    "mixed": ("int8", "int8", "int8", None),
    "none": ("float32", "float32", "float32", None),
    "palettized": ("palette", "float32", "float16", None),
    "sparse": ("sparse", "float32", "float16", None),
    "sparse_palettized": ("sparse", "float32", "float16", None),
}


def test_every_scheme_is_here() -> None:
    assert {*SCHEMES, "auto"} == set(plugins.options("quantize.scheme"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_says_what_it_stores_and_needs(scheme: str) -> None:
    module = plugins.load("quantize.scheme", scheme)
    assert SCHEMES[scheme] == (module.WEIGHTS, module.ACTIVATIONS, module.DTYPE, module.BITS)


@pytest.mark.parametrize("scheme", [*SCHEMES, "auto"])
def test_the_words_of_a_scheme_are_words_of_the_recipe(scheme: str) -> None:
    assert set(plugins.load("quantize.scheme", scheme).WORDS) <= set(vars(Compression())) | set(vars(Quantize()))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_is_carried_by_some_runtime(scheme: str) -> None:
    runtimes = plugins.options("convert.runtime")
    assert any(scheme in plugins.load("convert.runtime", name).SCHEMES for name in runtimes)
