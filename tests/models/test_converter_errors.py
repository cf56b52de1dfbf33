"""Errors of converters are one line that names the library, the operators and their layers."""

import pytest

from edgebake.errors import ConversionError, DataError
from edgebake.models import converter_errors


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError("\n  rank 6\nname: conv"), "ValueError: rank 6"),
        (NotImplementedError(), "NotImplementedError: no message"),
        (RuntimeError("x" * 400), f"RuntimeError: {'x' * 300}"),
    ],
)
def test_any_error_of_a_library_becomes_one_line(raised: Exception, text: str) -> None:
    with pytest.raises(ConversionError) as refused, converter_errors.in_one_line("tf2onnx"):
        raise raised
    message = str(refused.value)
    start = f"tf2onnx cannot convert the model ({text[:200]}"
    assert message.startswith(start)
    assert "\n" not in message
    assert message.endswith(
        "); expected a model, and a scheme, for which it can; the log of the stage has all that "
        "it says"
    )


@pytest.mark.parametrize("raised", [DataError("images"), OSError(28, "No space left on device")])
def test_our_own_errors_and_those_of_the_disk_stay(raised: Exception) -> None:
    with pytest.raises(type(raised)) as refused, converter_errors.in_one_line("tf2onnx"):
        raise raised
    assert refused.value is raised


@pytest.mark.parametrize(
    ("operator", "layer"),
    [
        ("functional_1/conv2d_3_1/Relu6", "conv2d_3"),
        ("functional_1/up_1/resize/ResizeBicubic", "up"),
        ("functional_1/Add", "Add"),
        ("functional_1/head/MatMul", "head"),
    ],
)
def test_the_layer_of_an_operator(operator: str, layer: str) -> None:
    assert converter_errors.layer_of(operator) == layer
