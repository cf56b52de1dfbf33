"""Of the candidates of a target, one ships under the name of the target."""

import json
from copy import deepcopy
from typing import Any

import pytest

from edgebake.errors import GateError
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from tests import measured
from tests.stages import alone

INT8, FLOAT16 = "digits-ds_cnn-int8-litert-android", "digits-ds_cnn-float16-litert-android"

pytestmark = pytest.mark.usefixtures("committed")


def _plan(planned: Plan, ships: str) -> None:
    """Plan int8 and float16 as candidates of pixel_8, and the fallback."""
    plan = deepcopy(planned)
    targets = plan["package"]["android"]["targets"]
    pixel_8, fallback = targets["pixel_8"], targets["android_any"]
    entries = {}
    for option, variant in (("int8", INT8), ("float16", FLOAT16)):
        candidate = {"of": "pixel_8", "option": option, "ships": ships}
        entry = {**pixel_8, "validate": variant, "candidate": candidate}
        entries[f"pixel_8-{option}"] = entry
    plan["package"]["android"]["targets"] = {**entries, "android_any": fallback}
    planner.write(plan)


def _measure(**found: Any) -> None:
    """Lay out int8 as found, and a float16 that passes and is twice as large."""
    measured.lay(INT8, "android", **found)
    measured.lay(FLOAT16, "android", size_mb=0.08)


def _model(ran: alone.Ran) -> str:
    model: str = ran.json("manifest.json")["targets"]["pixel_8"]["model"]
    return model


def test_the_first_that_passes_ships_and_the_others_are_told(planned: Plan) -> None:
    _plan(planned, "order")
    _measure()
    ran = alone.run("package", "android")
    manifest = ran.json("manifest.json")
    assert manifest["chain"] == ["pixel_8", "android_any"]
    assert _model(ran) == "models/digits-ds_cnn-int8-litert.tflite"
    assert ran.line == (
        "2 targets, artifacts/package/android.zip; candidates of pixel_8: "
        "int8 ships (the first that passes every gate), float16 passes"
    )


def test_one_that_misses_a_gate_gives_way(planned: Plan) -> None:
    _plan(planned, "order")
    _measure(right=900)
    ran = alone.run("package", "android")
    assert _model(ran) == "models/digits-ds_cnn-float16-litert.tflite"
    assert ran.line.endswith(
        "candidates of pixel_8: int8 does not pass, "
        "float16 ships (the first that passes every gate)"
    )


def test_the_smallest_or_the_fastest_ships_if_the_recipe_says_so(planned: Plan) -> None:
    measured.lay(INT8, "android", size_mb=0.09, latency_p90_ms=3.0, timed_on="adb")
    measured.lay(FLOAT16, "android", size_mb=0.08, latency_p90_ms=4.0, timed_on="adb")
    models = {}
    for ships in ("order", "size", "latency"):
        _plan(planned, ships)
        models[ships] = _model(alone.run("package", "android")).split("-")[2]
    assert models == {"order": "int8", "size": "float16", "latency": "int8"}


def test_measurements_have_all_candidates(planned: Plan) -> None:
    _plan(planned, "order")
    _measure()
    ran = alone.run("package", "android")
    beside = ran.folder.with_name("android.measurements.json")
    assert list(json.loads(beside.read_text())) == ["pixel_8", "pixel_8-float16", "android_any"]


def test_without_one_that_passes_there_is_no_bundle_and_all_are_in_the_table(planned: Plan) -> None:
    _plan(planned, "size")
    measured.lay(INT8, "android", right=900)
    measured.lay(FLOAT16, "android", right=800)
    with pytest.raises(GateError) as refused:
        alone.run("package", "android")
    message = str(refused.value)
    assert "pixel_8-int8 " in message
    assert "pixel_8-float16 " in message
