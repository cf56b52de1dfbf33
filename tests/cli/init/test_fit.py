"""Every device with every scheme and runtime: a recipe that is sound, or advice that is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.init import options
from edgebake.cli.init.fit import Fit, FitSearch, with_values
from edgebake.cli.main import main
from edgebake.errors import RecipeError
from edgebake.plan import compose, unused_options
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.recipe import Device, Recipe
from edgebake.recipe.files import groups
from edgebake.runtimes.interface import load_runtime
from tests.builds import ROOT

DEVICES = [path.stem for path in sorted((ROOT / "recipes/device").glob("*.yaml"))]


@pytest.fixture(scope="module")
def all_options() -> dict[tuple[str, str], Any]:
    """Every option of `quantize`, `convert` and `validate` by group and name, read once."""
    known = groups()
    return {
        (group, option): unused_options.read(group, option)
        for group in ("quantize", "convert", "validate")
        for option in known[group]
    }


def _choose(
    device: Device, quantize: str, convert: str | None, search: FitSearch | None = None
) -> Fit:
    """Choose as `edgebake init` does for a model that edgebake builds."""
    search = search or FitSearch(device)
    runtimes = options.possible_runtimes(device, None)
    if convert:
        options.refuse_other_runtime(device, search.runtime_of(convert), runtimes)
        runtimes = [convert]
    return search.choose(quantize, runtimes)


def _complete(
    recipe: Recipe, quantize: str, fit: Fit, all_options: dict[tuple[str, str], Any]
) -> Recipe:
    convert = with_values(all_options["convert", fit.runtime], fit.overrides)
    validate = load_runtime(fit.runtime).facts.preferred_validate or "realtime"
    return replace(
        recipe,
        quantize=all_options["quantize", quantize],
        convert=convert,
        validate=all_options["validate", validate],
    )


def _advice(message: str) -> Iterator[str]:
    expected = re.fullmatch(r"--\w+: .+; expected one of: ([\w, ]+)", message)
    assert expected, message
    yield from expected[1].split(", ")


@pytest.mark.parametrize("device_option", DEVICES)
def test_every_scheme_and_runtime_of_a_device_is_sound_or_refused_with_advice_that_is(
    recipe: Recipe, all_options: dict[tuple[str, str], Any], device_option: str
) -> None:
    recipe.device = compose.option("device", device_option)
    known = groups()
    accepted = 0
    search = FitSearch(recipe.device)  # reads each option once
    for quantize, convert in product(known["quantize"], [None, *known["convert"]]):
        try:
            fit = _choose(recipe.device, quantize, convert, search)
        except RecipeError as error:
            message = str(error)
            for advice in _advice(message):
                if message.startswith("--convert"):
                    assert advice in recipe.device.runtimes
                else:
                    _choose(recipe.device, advice, convert, search)
            continue
        complete = _complete(recipe, quantize, fit, all_options)
        assert recipe_checks.check(complete) == [], (quantize, convert)
        accepted += 1
    assert accepted >= 8


@pytest.mark.parametrize(
    ("device", "quantize", "fit"),
    [
        ("iphone_15", "int8", Fit("coreml", {"coreml": {"minimum_deployment_target": "iOS17"}})),
        ("iphone_15", "none", Fit("coreml", {"coreml": {"compute_precision": "float32"}})),
        ("iphone_15", "float16", Fit("coreml", {})),
        ("iphone_se_3", "int8", Fit("onnxruntime", {})),  # its iOS 16 has no int8 in Core ML
        ("raspberry_pi_5", "int16x8", Fit("litert", {})),
        ("pixel_8", "int8", Fit("litert", {})),
    ],
)
def test_options_are_set_as_the_scheme_needs_them(device: str, quantize: str, fit: Fit) -> None:
    assert _choose(compose.option("device", device), quantize, None) == fit


@pytest.mark.parametrize(
    ("device", "quantize", "convert", "message"),
    [
        (
            "iphone_15",
            "sparse_palettized",
            None,
            "--quantize: sparse_palettized: minimum_deployment_target iOS17, sparse_palettized "
            "expects iOS18 or newer; expected one of: auto, dynamic, float16",
        ),
        (
            "linux_any",
            "int8",
            None,
            "--quantize: int8: the scheme int8 computes in int8, which Any Linux machine cannot "
            "run; expected one of: auto, dynamic, none",
        ),
        (
            "pixel_8",
            "palettized",
            "litert",
            "--quantize: palettized: litert cannot carry palettized; expected one of: auto",
        ),
        (
            "pixel_8",
            "int8",
            "coreml",
            "--convert: Google Pixel 8 has no coreml; expected one of: litert, onnxruntime",
        ),
    ],
)
def test_what_fits_no_runtime_is_refused_by_the_flag(
    device: str, quantize: str, convert: str | None, message: str
) -> None:
    with pytest.raises(RecipeError) as error:
        _choose(compose.option("device", device), quantize, convert)
    assert str(error.value).startswith(message)


def test_a_model_of_another_format_has_the_schemes_of_its_format() -> None:
    device = compose.option("device", "pixel_8")
    with pytest.raises(RecipeError) as error:
        FitSearch(device, "onnx", is_trainable=False).choose("mixed", ["onnxruntime"])
    assert str(error.value) == (
        "--quantize: mixed: onnx models have no mixed in onnxruntime; expected one of: "
        "auto, dynamic, float16, int4_weights, int8, int8_per_tensor, none"
    )
    with pytest.raises(RecipeError) as error:
        FitSearch(device, "keras", is_trainable=False).choose("int8_qat", ["litert"])
    assert str(error.value).startswith(
        "--quantize: int8_qat: the model's file holds a finished graph, which cannot be trained; "
    )


def test_int8_for_an_iphone_is_a_target_that_passes_every_check(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "mine", "--device", "iphone_15", "--quantize", "int8"]) == 0
    text = (project / "recipes/target/mine.yaml").read_text()
    assert "convert:\n  coreml: { minimum_deployment_target: iOS17 }\n" in text
    (target,) = compose.compose_targets(["mine"])
    assert target.recipe.convert.coreml is not None
    assert target.recipe.convert.coreml.minimum_deployment_target == "iOS17"
