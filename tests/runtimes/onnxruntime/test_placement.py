"""ONNX Runtime's own checker, and the integer kernels that it knows nothing of."""

import onnx
import pytest
from onnx import helper

from edgebake.models.onnx import float_graph
from edgebake.runtimes.delegates.table import find_delegate
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.placement import Placement
from edgebake.runtimes.workload import weightless_operators
from tests import placements
from tests.runtimes.onnxruntime import programs
from tests.runtimes.onnxruntime.test_workload import integers, made


def on_android(content: bytes) -> Placement:
    return placements.predict("onnxruntime", {FILE: content}, "android", ["npu"], [])[0]


def on_ios(content: bytes) -> Placement:
    return placements.predict("onnxruntime", {FILE: content}, "ios", ["neural_engine"], [])[0]


def test_every_operator_that_is_counted_is_one_that_exists() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas()} | {"QuickGelu"}
    assert weightless_operators("onnxruntime") <= known
    for accelerator, platform in (("npu", "android"), ("neural_engine", "ios")):
        delegate = find_delegate("onnxruntime", platform, accelerator, [])
        assert delegate is not None
        assert set(delegate.hints) <= known


def test_integer_kernels_run_on_nnapi_and_not_on_core_ml() -> None:
    assert (on_android(integers()).operators, on_android(integers()).macs) == (1.0, 1.0)
    placement = on_ios(integers())
    assert (placement.operators, placement.macs) == (0.0, 0.0)
    assert placement.first_off == (
        "operator 1 of 1: MatMul is next to a node that is not in the table: DequantizeLinear"
    )
    assert placement.hint.startswith("ship float16 weights or the runtime coreml")


def test_what_is_not_in_the_table_falls_off() -> None:
    content = float_graph.use_average_pools(programs.small()).SerializeToString()
    assert on_android(content).operators == 1.0
    placement = on_ios(content)
    # Flatten is not in the table of ML Programs; it multiplies nothing.
    assert placement.operators == pytest.approx(11 / 12)
    assert placement.macs == 1.0
    assert placement.first_off == "operator 10 of 12: Flatten is not in the table"
    assert placement.hint == "use a reshape to a fixed shape"


def test_an_operator_of_too_many_dimensions_falls_off() -> None:
    shape = [1, 1, 1, 1, 1, 6]
    content = made([helper.make_node("Relu", ["image"], ["probabilities"])], {}, (shape, shape))
    assert on_android(content).first_off == ""
    assert on_ios(content).first_off == "operator 1 of 1: Relu has too many dimensions"


def test_both_accelerators_of_a_phone_are_reached_the_same_way() -> None:
    predicted = placements.predict(
        "onnxruntime", {FILE: integers()}, "android", ["npu", "gpu", "cpu"], []
    )
    assert [(entry.accelerator, entry.delegate) for entry in predicted] == [
        ("npu", "onnxruntime_nnapi"),
        ("gpu", "onnxruntime_nnapi"),
        ("cpu", ""),
    ]
