"""One test per rule: the key that is named, what is wrong, what was expected."""

from pathlib import Path

import pytest

from edgebake.plan.checks import recipe as recipe_checks
from edgebake.plan.compose import Target
from edgebake.recipe import Calibration, Color, Cpu, Platform, Quantize, Recipe


def test_sound_recipes_have_no_problems(composed: dict[str, Target]) -> None:
    assert {name: recipe_checks.check(one.recipe) for name, one in composed.items()} == {
        name: [] for name in composed
    }


def test_names_are_modules(recipe: Recipe) -> None:
    recipe.convert.runtime, recipe.package.top_k = "litrt", 0
    expected = "expected one of: coreml, litert, onnxruntime; did you mean 'litert'?"
    assert recipe_checks.check(recipe) == [
        (
            "convert.runtime",
            f"no module plugins/runtimes/litrt or edgebake/runtimes/litrt; {expected}",
        )
    ]


def test_a_way_to_calibrate_is_a_module(recipe: Recipe) -> None:
    recipe.quantize.calibration = Calibration("minmax", samples=100, seed=0)
    expected = (
        "expected one of: entropy, min_max, moving_average, mse, percentile; did you mean "
        "'min_max'?"
    )
    assert recipe_checks.check(recipe) == [
        (
            "quantize.calibration.method",
            "no module plugins/calibrators/minmax or "
            f"edgebake/compression/quantization/calibrators/minmax; {expected}",
        )
    ]


def test_splits_make_a_whole(recipe: Recipe) -> None:
    splits = recipe.data.splits
    splits.train, splits.calibration, splits.validation, splits.test = 0.5, 0.1, 0.1, 0.4
    assert recipe_checks.check(recipe) == [("data.splits", "the shares add up to 1.1; expected 1")]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.0, float("nan")])
def test_every_split_has_a_share(recipe: Recipe, share: float) -> None:
    recipe.data.splits.validation = share
    assert (
        "data.splits.validation",
        f"{share:g}; expected a share between 0 and 1",
    ) in recipe_checks.check(recipe)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_pixels_are_scaled(recipe: Recipe, scale: float) -> None:
    recipe.data.scale = [scale]
    assert recipe_checks.check(recipe) == [("data.scale", f"{scale:g}; expected more than 0")]


@pytest.mark.parametrize("color", [Color.rgb, Color.bgr])
def test_a_mean_is_for_all_channels_or_for_each(recipe: Recipe, color: Color) -> None:
    recipe.data.color, recipe.data.mean, recipe.data.scale = color, [104.0, 117.0, 123.0], [1.0]
    assert recipe_checks.check(recipe) == []
    recipe.data.mean, recipe.data.scale = [104.0, 117.0], []
    expected = f"expected 1, or 3, one for each channel of {color.value}"
    assert recipe_checks.check(recipe) == [
        ("data.mean", f"2 numbers; {expected}"),
        ("data.scale", f"0 numbers; {expected}"),
    ]


def test_grey_has_one_channel(recipe: Recipe) -> None:
    recipe.data.mean = [104.0, 117.0, 123.0]
    assert recipe_checks.check(recipe) == [
        ("data.mean", "3 numbers; expected 1, as grayscale has one channel")
    ]


def test_every_channel_is_scaled_by_a_number(recipe: Recipe) -> None:
    recipe.data.color, recipe.data.mean = Color.rgb, [1.0, float("nan"), 3.0]
    recipe.data.scale = [1.0, 0.0, -0.5]
    assert recipe_checks.check(recipe) == [
        ("data.mean", "nan; expected a finite number"),
        ("data.scale", "0; expected more than 0"),
        ("data.scale", "-0.5; expected more than 0"),
    ]


def test_model_fits_its_architecture(recipe: Recipe) -> None:
    recipe.model.resolution, recipe.model.width_multiplier = 7, 4.5
    assert recipe_checks.check(recipe) == [
        ("model.resolution", "7; ds_cnn expects 8 or more"),
        ("model.width_multiplier", "4.5; expected more than 0 and at most 4"),
    ]


def test_training_can_run(recipe: Recipe) -> None:
    (
        recipe.train.epochs,
        recipe.train.batch_size,
        recipe.train.threads,
        recipe.train.learning_rate,
    ) = -1, -1, 0, 1.5
    assert recipe_checks.check(recipe) == [
        ("train.epochs", "-1; expected 1 or more"),
        ("train.batch_size", "-1; expected 1 or more"),
        ("train.threads", "0; expected 1 or more"),
        ("train.learning_rate", "1.5; expected more than 0 and at most 1"),
    ]


def test_platform_has_the_runtime(core_ml_recipe: Recipe) -> None:
    core_ml_recipe.convert.runtime, core_ml_recipe.convert.coreml = "litert", None
    expected = "Apple iPhone 15 has no litert; expected one of: coreml, onnxruntime"
    assert recipe_checks.check(core_ml_recipe) == [("convert", expected)]


def test_words_of_core_ml_stand_where_core_ml_is(recipe: Recipe, core_ml_recipe: Recipe) -> None:
    recipe.convert.coreml, core_ml_recipe.convert.coreml = core_ml_recipe.convert.coreml, None
    assert recipe_checks.check(recipe) == [
        ("convert.coreml", "has options; expected null for litert")
    ]
    expected = "null; expected the options of coreml"
    assert recipe_checks.check(core_ml_recipe) == [("convert.coreml", expected)]


@pytest.mark.parametrize(
    ("examples", "problem"),
    [
        (179, None),
        (180, "180; expected at most 179, all that the calibration split holds"),
        (0, "0; int8 expects 1 or more"),
    ],
)
def test_calibration_fits_its_split(recipe: Recipe, examples: int, problem: str | None) -> None:
    recipe.quantize.calibration = Calibration("min_max", examples, seed=0)
    recipe.data.splits.calibration = 0.1  # of 1,797
    assert recipe_checks.check(recipe) == (
        [("quantize.calibration.samples", problem)] if problem else []
    )


def test_a_scheme_that_looks_at_no_examples_needs_none(recipe: Recipe) -> None:
    recipe.quantize = Quantize("dynamic")
    assert recipe_checks.check(recipe) == []


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_can_be_used(recipe: Recipe, seed: int) -> None:
    recipe.data.seed = recipe.train.seed = seed
    recipe.quantize.calibration = Calibration("min_max", samples=100, seed=seed)
    expected = f"{seed}; expected 0 to 4294967295"
    assert recipe_checks.check(recipe) == [
        (key, expected) for key in ("data.seed", "train.seed", "quantize.calibration.seed")
    ]


def test_no_split_is_empty(recipe: Recipe) -> None:
    splits = recipe.data.splits
    splits.train, splits.calibration, splits.validation, splits.test = 0.5995, 0.0005, 0.1, 0.3
    expected = ("data.splits.calibration", "holds none of the 1797 examples; expected at least 1")
    assert recipe_checks.check(recipe)[0] == expected


def test_a_device_has_something_to_run_on(recipe: Recipe) -> None:
    recipe.device.accelerators = []
    assert recipe_checks.check(recipe) == [("device.accelerators", "empty; expected at least cpu")]


@pytest.mark.parametrize(
    ("platform", "cpu", "features", "message"),
    [
        (Platform.android, Cpu.any, [], None),
        (Platform.android, Cpu.x86, [], None),
        (
            Platform.linux,
            Cpu.arm,
            [],
            "arm, but x86 processors match the device too; expected any, or soc or devices that "
            "name processors or devices of Google Pixel 8",
        ),
        (Platform.linux, Cpu.x86_vnni, ["sse4_1", "avx_vnni"], None),
        (
            Platform.linux,
            Cpu.x86_vnni,
            ["avx2"],
            "x86_vnni, but processors without VNNI match the device too; expected any, or features "
            "with avx512_vnni or avx_vnni on Linux, or soc or devices",
        ),
        (
            Platform.android,  # its features are not those of its processor
            Cpu.x86_vnni,
            ["avx_vnni"],
            "x86_vnni, but processors without VNNI match the device too; expected any, or features "
            "with avx512_vnni or avx_vnni on Linux, or soc or devices",
        ),
        (Platform.ios, Cpu.arm, [], None),
        (Platform.ios, Cpu.x86, [], "x86; expected arm, which every iPhone has"),
    ],
)
def test_a_device_of_one_processor_matches_no_other(
    recipe: Recipe, platform: Platform, cpu: Cpu, features: list[str], message: str | None
) -> None:
    device = recipe.device
    device.platform, device.cpu, device.features, device.soc = platform, cpu, features, []
    problems = dict(recipe_checks.check_option(recipe, "device"))
    assert problems.get("device.cpu") == message
    device.devices = ["one"]
    if platform is not Platform.ios:
        assert "device.cpu" not in dict(recipe_checks.check_option(recipe, "device"))


def test_images_to_calibrate_with_are_there(recipe: Recipe, tmp_path: Path) -> None:
    recipe.data.source, recipe.data.path, recipe.data.color = (
        "image_folder",
        str(tmp_path / "none"),
        Color.rgb,
    )
    expected = f"{tmp_path}/none: no such folder; expected one sub-folder of images per class"
    assert recipe_checks.check(recipe) == [("data.path", expected)]


def test_answers_can_be_shown(recipe: Recipe) -> None:
    recipe.package.top_k, recipe.package.threshold = 0, 1.5
    assert recipe_checks.check(recipe) == [
        ("package.top_k", "0; expected 1 or more"),
        ("package.threshold", "1.5; expected 0 to 1"),
    ]


@pytest.mark.parametrize("version", ["1.0.0", "0.10.2", "2.0.0-rc.1"])
def test_semantic_versions_are_taken(version: str) -> None:
    assert recipe_checks.version_problem(version) is None


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "01.0.0", "1.0.0.0", "1.0.0 ", ""])
def test_other_versions_are_refused(version: str) -> None:
    assert (
        recipe_checks.version_problem(version)
        == f"{version!r}; expected MAJOR.MINOR.PATCH, for example 1.4.0"
    )
