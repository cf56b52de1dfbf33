"""The table of quantization schemes."""

import pytest

from edgebake.compression.quantization import schemes
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.errors import RecipeError
from edgebake.recipe import Compression, Quantize


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_options_of_a_scheme_are_options_of_the_recipe(scheme: str) -> None:
    assert set(SCHEMES[scheme].options) <= set(vars(Compression())) | set(vars(Quantize()))


def test_schemes_with_integer_activations_are_those_that_need_ranges() -> None:
    integers = {name for name, scheme in SCHEMES.items() if scheme.has_integer_activations}
    assert integers == {"int8", "int16x8", "mixed"}


def test_an_unknown_scheme_is_refused_with_the_nearest_name() -> None:
    schemes.refuse_unknown("int8")
    schemes.refuse_unknown("auto")
    with pytest.raises(RecipeError) as caught:
        schemes.refuse_unknown("palletized")
    assert str(caught.value).startswith("no scheme 'palletized'; expected one of: auto, dynamic, ")
    assert str(caught.value).endswith("did you mean 'palettized'?")
