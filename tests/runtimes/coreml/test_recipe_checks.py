"""What a deployment target cannot hold is named, with the version that can."""

import pytest

from edgebake.plan.checks import recipe as recipe_checks
from edgebake.recipe import (
    Calibration,
    Compression,
    CoreML,
    DType,
    Granularity,
    Palette,
    Precision,
    Quantize,
    Recipe,
    ResolutionRange,
)
from edgebake.runtimes.coreml import recipe_checks as coreml_rules
from edgebake.runtimes.coreml.recipe_checks import DEPLOYMENT_TARGETS, TARGET


@pytest.fixture
def words(core_ml_recipe: Recipe) -> CoreML:
    """The words of the recipe under test, to edit; its device may run any iOS."""
    options = core_ml_recipe.convert.coreml
    assert options is not None
    core_ml_recipe.device.minimum_os = "26"
    return options


def _scheme(name: str, compression: Compression | None = None) -> Quantize:
    """Return the words of a scheme: those with int8 activations are calibrated."""
    options = Quantize(name, compression=compression or Compression())
    if name in ("int8", "mixed"):
        options.calibration = Calibration("min_max", samples=10, seed=0)
        options.granularity = Granularity.per_channel
    options.fallback_dtype = DType.float16 if name == "mixed" else None
    return options


def test_a_target_is_one_that_holds_ml_programs(core_ml_recipe: Recipe, words: CoreML) -> None:
    words.minimum_deployment_target = "iOS14"
    expected = "iOS14; expected one of: iOS15, iOS16, iOS17, iOS18, iOS26"
    assert recipe_checks.check(core_ml_recipe) == [(TARGET, expected)]


@pytest.mark.parametrize("target", DEPLOYMENT_TARGETS)
def test_every_known_target_takes_float16(
    core_ml_recipe: Recipe, words: CoreML, target: str
) -> None:
    words.minimum_deployment_target = target
    assert recipe_checks.check(core_ml_recipe) == []


def test_a_target_is_one_that_the_device_runs(core_ml_recipe: Recipe, words: CoreML) -> None:
    core_ml_recipe.device.minimum_os, words.minimum_deployment_target = "17", "iOS18"
    expected = "iOS18; Apple iPhone 15 may run iOS 17, expected at most that"
    assert recipe_checks.check(core_ml_recipe) == [(TARGET, expected)]


@pytest.mark.parametrize(
    ("target", "scheme", "compression", "needs"),
    [
        ("iOS15", "dynamic", Compression(), "dynamic expects iOS16 or newer"),
        (
            "iOS17",
            "int4_weights",
            Compression(block_size=32),
            "int4_weights expects iOS18 or newer",
        ),
        ("iOS16", "int8", Compression(), "int8 expects iOS17 or newer"),
        ("iOS16", "mixed", Compression(), "mixed expects iOS17 or newer"),
        ("iOS15", "sparse", Compression(sparsity=0.5), "sparse expects iOS16 or newer"),
        (
            "iOS15",
            "palettized",
            Compression(Palette(4, None, False)),
            "palettized expects iOS16 or newer",
        ),
        (
            "iOS17",
            "palettized",
            Compression(Palette(3, None, False)),
            "palette.bits: 3 expects iOS18 or newer",
        ),
        (
            "iOS17",
            "palettized",
            Compression(Palette(4, 8, False)),
            "palette.group_size expects iOS18 or newer",
        ),
        (
            "iOS17",
            "palettized",
            Compression(Palette(4, None, True)),
            "palette.per_channel_scale expects iOS18 or newer",
        ),
        (
            "iOS17",
            "sparse_palettized",
            Compression(Palette(4, None, False), sparsity=0.5),
            "sparse_palettized expects iOS18 or newer",
        ),
    ],
)
def test_a_target_holds_the_scheme(  # noqa: PLR0917 - one per column of the table
    core_ml_recipe: Recipe,
    words: CoreML,
    target: str,
    scheme: str,
    compression: Compression,
    needs: str,
) -> None:
    words.minimum_deployment_target = target
    core_ml_recipe.quantize.scheme, core_ml_recipe.quantize.compression = scheme, compression
    assert list(coreml_rules.check(core_ml_recipe)) == [(TARGET, f"{target}; {needs}")]
    newer = f"iOS{needs.removesuffix(' or newer')[-2:]}"
    words.minimum_deployment_target = newer
    assert list(coreml_rules.check(core_ml_recipe)) == []


@pytest.mark.parametrize(
    ("scheme", "precision", "wanted"),
    [
        ("none", "float16", "float32"),
        ("float16", "float32", "float16"),
        ("int8", "float32", "float16"),
        ("mixed", "float32", "float16"),
    ],
)
def test_precision_is_what_the_scheme_says(
    core_ml_recipe: Recipe, words: CoreML, scheme: str, precision: str, wanted: str
) -> None:
    core_ml_recipe.quantize, words.compute_precision = _scheme(scheme), Precision(precision)
    words.minimum_deployment_target = "iOS17"
    expected = f"{precision}; the scheme {scheme} computes in {wanted}, expected that"
    assert list(coreml_rules.check(core_ml_recipe)) == [
        ("convert.coreml.compute_precision", expected)
    ]


def test_a_range_of_resolutions_holds_the_models_own(core_ml_recipe: Recipe, words: CoreML) -> None:
    words.resolution_range = ResolutionRange(48, 96)
    expected = "48 to 96; expected a range that holds the model's 32"
    assert recipe_checks.check(core_ml_recipe) == [("convert.coreml.resolution_range", expected)]


def test_resolutions_are_listed_or_a_range(core_ml_recipe: Recipe, words: CoreML) -> None:
    words.resolutions, words.resolution_range = [24, 0], ResolutionRange(24, 48)
    assert recipe_checks.check(core_ml_recipe) == [
        (
            "convert.coreml.resolutions",
            "set together with resolution_range; expected one of the two",
        ),
        ("convert.coreml.resolutions", "0; expected 1 or more"),
    ]


@pytest.mark.parametrize("scheme", ["int8", "mixed"])
def test_what_is_not_int8_is_float16(core_ml_recipe: Recipe, words: CoreML, scheme: str) -> None:
    core_ml_recipe.quantize.scheme, words.compute_precision = scheme, Precision.float32
    expected = f"float32; the scheme {scheme} computes in float16, expected that"
    assert ("convert.coreml.compute_precision", expected) in coreml_rules.check(core_ml_recipe)


def test_a_signal_has_no_other_sizes(core_ml_recipe: Recipe, words: CoreML) -> None:
    core_ml_recipe.data.input.kind = "signal"
    words.resolutions = [24]
    expected = "set, and data.input.kind is signal; expected none: only images have other sizes"
    assert list(coreml_rules.check(core_ml_recipe)) == [("convert.coreml.resolutions", expected)]
