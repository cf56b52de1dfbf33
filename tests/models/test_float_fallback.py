"""Which operators compute in float between casts, and why a file is refused."""

import pytest

from edgebake.errors import ConversionError
from edgebake.models.float_fallback import FileOperator, FloatFallback, float_operators

CONV = FileOperator("conv;", "CONV_2D", "conv_1", 9_000, has_integer_kernel=True)
PRELU = FileOperator("prelu;", "PRELU", "p_re_lu", 0, has_integer_kernel=False)
TILE = FileOperator("tile;", "TILE", "", 0, has_integer_kernel=False)
DENSE = FileOperator("dense;", "FULLY_CONNECTED", "head", 1_000, has_integer_kernel=True)
EINSUM = FileOperator("einsum;", "EINSUM", "attention", 2_500, has_integer_kernel=False)
FILE = [CONV, PRELU, TILE, DENSE]


def refusal(operators: list[FileOperator], fallback: FloatFallback) -> str:
    with pytest.raises(ConversionError) as raised:
        float_operators(operators, fallback, "int8")
    return str(raised.value)


def test_nothing_stays_in_float_if_all_have_kernels() -> None:
    assert float_operators([CONV, DENSE], FloatFallback(), "int8") == set()
    assert float_operators([CONV, DENSE], FloatFallback(("auto",)), "int8") == set()


def test_operators_without_a_kernel_are_refused_by_kind_layer_and_share() -> None:
    assert refusal(FILE, FloatFallback()) == (
        "no int8 kernel for: 1 PRELU (p_re_lu), 1 TILE, 0.0 % of the multiply-accumulates; "
        "expected quantize.fallback: [PRELU, TILE] or auto: they compute in float between casts"
    )


def test_the_suggestion_keeps_what_the_recipe_names() -> None:
    message = refusal(FILE, FloatFallback(("TILE",)))
    assert message.startswith("no int8 kernel for: 1 PRELU (p_re_lu), 0.0 %")
    assert "quantize.fallback: [PRELU, TILE] or auto" in message


@pytest.mark.parametrize(
    ("names", "in_float"),
    [
        (("PRELU", "TILE"), {"prelu;", "tile;"}),
        (("PRelu", "Tile"), {"prelu;", "tile;"}),  # as ONNX writes them
        (("auto",), {"prelu;", "tile;"}),
        (("layer:p_re_lu", "TILE"), {"prelu;", "tile;"}),
        (("PRELU", "TILE", "layer:head"), {"prelu;", "tile;", "dense;"}),
    ],
)
def test_kinds_layers_and_auto(names: tuple[str, ...], in_float: set[str]) -> None:
    assert float_operators(FILE, FloatFallback(names), "int8") == in_float


def test_more_than_the_limit_is_refused() -> None:
    operators = [CONV, DENSE, EINSUM]
    assert refusal(operators, FloatFallback(("auto",))) == (
        "in float stay: 1 EINSUM (attention), 20.0 % of the multiply-accumulates; expected at most "
        "10%: quantize.fallback_limit sets this limit"
    )
    assert float_operators(operators, FloatFallback(("auto",), limit=0.2), "int8") == {"einsum;"}


def test_an_unknown_share_needs_a_limit_of_all() -> None:
    unknown = FileOperator("custom;", "MyOperator", "", None, has_integer_kernel=False)
    message = refusal([CONV, unknown], FloatFallback(("auto",), limit=0.9))
    assert "1 MyOperator, an unknown share of the multiply-accumulates" in message
    assert float_operators([CONV, unknown], FloatFallback(("auto",), limit=1), "int8")


def test_a_name_that_the_file_lacks_is_refused() -> None:
    assert refusal(FILE, FloatFallback(("auto_", "TILE"))) == (
        "quantize.fallback: auto_: the file has no such operator; expected some of: CONV_2D, "
        "FULLY_CONNECTED, PRELU, TILE"
    )
    assert refusal(FILE, FloatFallback(("layer:p_relu",))) == (
        "quantize.fallback: layer:p_relu: the model has no such layer; expected one of: "
        "layer:conv_1, layer:head, layer:p_re_lu; did you mean 'layer:p_re_lu'?"
    )


def test_many_layers_are_counted() -> None:
    many = [
        FileOperator(str(number), "PRELU", f"act_{number}", 0, has_integer_kernel=False)
        for number in range(6)
    ]
    assert "6 PRELU (act_0, act_1, act_2, act_3 and 2 more)" in refusal(many, FloatFallback())


def test_normalizations_are_in_float_without_a_name() -> None:
    root = FileOperator("root;", "RSQRT", "norm", 0, has_integer_kernel=True, is_normalization=True)
    mean = FileOperator("mean;", "MEAN", "norm", 0, has_integer_kernel=False, is_normalization=True)
    operators = [CONV, mean, root]
    assert float_operators(operators, FloatFallback(), "int8") == {"mean;", "root;"}
    assert float_operators(operators, FloatFallback(("auto",)), "int8") == {"mean;", "root;"}
    assert refusal([*operators, TILE], FloatFallback()) == (
        "no int8 kernel for: 1 TILE, 0.0 % of the multiply-accumulates; expected "
        "quantize.fallback: [TILE] or auto: they compute in float between casts"
    )
