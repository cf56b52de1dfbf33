"""The share of a file that computes in float, in numbers and in words."""

import pytest

from edgebake.errors import ConversionError
from edgebake.runtimes.float_share import FloatShare
from edgebake.runtimes.workload import OperatorWorkload, Uncounted, Workload


def _operator(kind: str, dtype: str, macs: int) -> OperatorWorkload:
    return OperatorWorkload(kind, kind, dtype, macs, {}, (), ())


WORKLOAD = Workload(
    [
        _operator("CONV_2D", "int8", 600),
        _operator("PRELU", "float32", 0),
        _operator("FULLY_CONNECTED", "float32", 200),
    ],
    sizes={},
    constants=frozenset(),
    inputs=(),
    outputs=(),
)


def test_a_quarter_in_float_is_more_than_a_tenth() -> None:
    share = FloatShare.of_file(["PRELU", "FULLY_CONNECTED"], WORKLOAD)
    assert share.to_dict() == {"operators": {"FULLY_CONNECTED": 1, "PRELU": 1}, "macs_share": 0.25}
    with pytest.raises(ConversionError) as raised:
        share.check(0.1)
    assert str(raised.value) == (
        "in float: 1 FULLY_CONNECTED, 1 PRELU, 25.0 % of the multiply-accumulates; expected at "
        "most 10%: quantize.fallback_limit sets this limit"
    )
    share.check(0.25)


def test_an_unknown_share_needs_a_limit_of_all() -> None:
    share = FloatShare.of_file(["EINSUM"], Uncounted("EINSUM"))
    assert share.to_dict() == {"operators": {"EINSUM": 1}}
    with pytest.raises(ConversionError, match="an unknown share of the multiply-accumulates"):
        share.check(0.99)
    share.check(1)


def test_nothing_in_float_passes() -> None:
    share = FloatShare.of_file([], WORKLOAD)
    share.check(0)
