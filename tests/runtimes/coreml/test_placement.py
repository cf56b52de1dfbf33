"""Operators by version of iOS, held against coremltools, and what is known of the Neural Engine."""

import importlib
from typing import Any

import numpy as np

from edgebake.runtimes.coreml.placement import OPSETS, operator_versions, unsupported_operators
from edgebake.runtimes.delegates.table import find_delegate
from edgebake.runtimes.placement import Placement
from edgebake.runtimes.workload import weightless_operators
from tests import placements
from tests.runtimes.coreml.programs import Op, files, half, op, real, text

DATA = {"image": half(1, 3, 6, 6)}


def conv(dilation: int) -> Op:
    options: dict[str, Any] = {"pad_type": text("same"), "dilations": [dilation, dilation]}
    return op(
        "conv",
        {"x": "image", "weight": np.ones((2, 3, 3, 3), np.float16), **options},
        out=half(1, 2, 6, 6),
    )


def on(accelerator: str, content: dict[str, bytes]) -> Placement:
    return placements.predict("coreml", content, "ios", [accelerator], [])[0]


def test_the_operators_of_each_version_are_those_of_coremltools() -> None:
    registry = importlib.import_module("coremltools.converters.mil.mil.ops.registry").SSAOpRegistry
    known = {
        kind: max(15, min(int(version.name.removeprefix("iOS")) for version in versions))
        for kind, versions in registry.core_ops.items()
    }
    assert len(known) > 150
    assert operator_versions() == known


def test_the_names_of_the_versions_are_those_of_coremltools() -> None:
    coremltools = importlib.import_module("coremltools")
    opsets = coremltools._OPSET
    assert {
        opsets[version]: int(coremltools.target(version).name.removeprefix("iOS"))
        for version in opsets
        if int(coremltools.target(version).name.removeprefix("iOS")) >= 15
    } == OPSETS


def test_every_operator_that_is_counted_is_one_that_exists() -> None:
    assert weightless_operators("coreml") <= operator_versions().keys()
    delegate = find_delegate("coreml", "ios", "neural_engine", [])
    assert delegate is not None
    assert set(delegate.never) <= operator_versions().keys()


def test_an_operator_that_came_later_than_the_version_falls_off() -> None:
    delegate = find_delegate("coreml", "ios", "gpu", [])
    assert delegate is not None
    later = op("slice_update", {"x": "image", "update": "image"}, out=half(1, 3, 6, 6))
    reason = (
        "slice_update is not in iOS17, the deployment target of the file: it was added in iOS18"
    )
    assert unsupported_operators(files(DATA, [later], ["out"]), delegate) == {0: reason}
    none = op("made_up", {"x": "image"}, out=half(1, 3, 6, 6))
    reason = "made_up is not in iOS17, the deployment target of the file: no version has it"
    assert unsupported_operators(files(DATA, [none], ["out"]), delegate) == {0: reason}


def test_the_neural_engine_computes_in_float16() -> None:
    linear = op("linear", {"x": "halves", "weight": np.ones((2, 6), np.float16)}, out=half(1, 2))
    scaled = op("mul", {"x": "image", "y": 0.5}, scaled=real(1, 6))
    cast = op("cast", {"x": "scaled", "dtype": text("fp16")}, halves=half(1, 6))
    content = files({"image": real(1, 6)}, [scaled, cast, linear], ["out"])
    placement = on("neural_engine", content)
    assert (placement.operators, placement.macs) == (0.5, 1.0)
    assert (
        placement.first_off
        == "operator 1 of 2: mul computes in float32, which coreml_neural_engine does not"
    )
    assert placement.hint.startswith("the Neural Engine computes in float16 only")
    assert on("gpu", content).first_off == ""


def test_a_dilated_convolution_was_seen_to_leave_the_neural_engine() -> None:
    assert on("neural_engine", files(DATA, [conv(1)], ["out"])).operators == 1.0
    placement = on("neural_engine", files(DATA, [conv(2)], ["out"]))
    assert (placement.operators, placement.macs) == (0.0, 0.0)
    assert placement.first_off == "operator 1 of 1: conv is dilated"
    assert placement.hint.startswith("dilated convolutions are reported not to run")
    assert on("gpu", files(DATA, [conv(2)], ["out"])).operators == 1.0


def test_gathering_was_seen_to_leave_the_neural_engine() -> None:
    gather = op("gather", {"x": "image", "indices": [0], "axis": 1}, out=half(1, 1, 6, 6))
    placement = on("neural_engine", files(DATA, [gather], ["out"]))
    assert placement.first_off == "operator 1 of 1: coreml_neural_engine does not run gather"
    assert placement.hint == "keep indices out of the model"
