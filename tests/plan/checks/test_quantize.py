"""Check quantize, convert and device against each other, one test per rule."""

from contextlib import chdir
from pathlib import Path

import pytest

from edgebake.plan import compose
from edgebake.plan.checks import quantize as quantize_checks
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.recipe import (
    Calibration,
    Ceiling,
    Compression,
    DType,
    Floor,
    Granularity,
    Palette,
    Precision,
    Qat,
    Quantize,
    Recipe,
    TrainedRanges,
)
from tests.models.importers import graphs

ROOT = Path(__file__).parents[3]
KEY = "quantize.calibration"


def option(name: str) -> Quantize:
    """Return what recipes/quantize/<name>.yaml says, to edit."""
    with chdir(ROOT):
        found: Quantize = compose.option("quantize", name)
        return found


def calibration(method: str = "min_max", percentile: float | None = None) -> Calibration:
    return Calibration(method, samples=100, seed=0, percentile=percentile)


def training(**words: float) -> Qat:
    """Return training that can run, some of its words replaced."""
    sound = {
        "epochs": 6,
        "batch_size": 32,
        "learning_rate": 0.0005,
        "freeze_after": 4,
        "seed": 1,
        "threads": 2,
    }
    return Qat(**{**sound, **words}, ranges=TrainedRanges.moving)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "scheme", "carried"),
    [
        ("litert", "sparse", "dynamic, float16, int16x8, int4_weights, int8, mixed, none"),
        ("onnxruntime", "int16x8", "dynamic, float16, int4_weights, int8, mixed, none"),
        ("onnxruntime", "palettized", "dynamic, float16, int4_weights, int8, mixed, none"),
    ],
)
def test_runtime_carries_the_scheme(
    recipe: Recipe, runtime: str, scheme: str, carried: str
) -> None:
    recipe.convert.runtime, recipe.quantize = runtime, option(scheme)
    assert recipe_checks.check(recipe) == [
        ("quantize", f"{runtime} cannot carry {scheme}; expected one of: {carried}")
    ]


def test_core_ml_carries_no_int16_activations(core_ml_recipe: Recipe) -> None:
    core_ml_recipe.quantize = option("int16x8")
    carried = (
        "dynamic, float16, int4_weights, int8, mixed, none, palettized, sparse, sparse_palettized"
    )
    assert recipe_checks.check(core_ml_recipe) == [
        ("quantize", f"coreml cannot carry int16x8; expected one of: {carried}")
    ]


@pytest.mark.parametrize(
    ("runtime", "keep", "problem"),
    [
        ("litert", "int16", None),
        ("litert", "float16", None),
        ("onnxruntime", "float32", None),
        (
            "onnxruntime",
            "int16",
            "onnxruntime cannot keep layers in int16; expected one of: float16, float32",
        ),
    ],
)
def test_runtime_keeps_layers_in_it(
    recipe: Recipe, runtime: str, keep: str, problem: str | None
) -> None:
    recipe.convert.runtime, recipe.quantize = runtime, option("mixed")
    recipe.quantize.fallback_dtype = DType(keep)
    assert recipe_checks.check(recipe) == (
        [("quantize.fallback_dtype", problem)] if problem else []
    )


def test_core_ml_keeps_no_layers_in_int16(core_ml_recipe: Recipe) -> None:
    core_ml_recipe.quantize = option("mixed")
    core_ml_recipe.quantize.fallback_dtype = DType.int16
    core_ml_recipe.convert.coreml.minimum_deployment_target = "iOS17"  # type: ignore[union-attr]
    expected = "coreml cannot keep layers in int16; expected one of: float16, float32"
    assert recipe_checks.check(core_ml_recipe) == [("quantize.fallback_dtype", expected)]


@pytest.mark.parametrize(
    ("runtime", "size", "problem"),
    [
        ("litert", 64, None),
        ("litert", 48, "48; litert expects one of: 128, 256, 32, 64"),
        ("onnxruntime", 48, None),
        ("onnxruntime", 1, "1; expected 2 or more"),
    ],
)
def test_runtime_has_the_blocks(
    recipe: Recipe, runtime: str, size: int, problem: str | None
) -> None:
    recipe.convert.runtime, recipe.quantize = runtime, option("int4_weights")
    recipe.quantize.compression.block_size = size
    assert recipe_checks.check(recipe) == (
        [("quantize.compression.block_size", problem)] if problem else []
    )


def test_device_runs_the_scheme(recipe: Recipe) -> None:
    recipe.device.dtypes = [DType.float32, DType.float16]
    expected = (
        "the scheme int8 computes in int8, which Google Pixel 8 cannot run; it runs: "
        "float16, float32"
    )
    assert recipe_checks.check(recipe) == [("quantize", expected)]


def test_a_scheme_that_says_auto_is_held_against_no_device_yet(recipe: Recipe) -> None:
    recipe.device.dtypes, recipe.quantize = [DType.float16], option("auto")
    assert recipe_checks.check(recipe) == []


@pytest.mark.parametrize(
    ("runtime", "scheme", "dtype", "problem"),
    [
        ("litert", "int8", "uint8", None),
        ("litert", "int16x8", "int16", None),
        ("onnxruntime", "int8", "uint8", None),
        (
            "litert",
            "int8",
            "int16",
            "int16; litert with the scheme int8 expects null or one of: float32, int8, uint8",
        ),
        (
            "litert",
            "int16x8",
            "int8",
            "int8; litert with the scheme int16x8 expects null or one of: float32, int16",
        ),
        (
            "litert",
            "dynamic",
            "int8",
            "int8; litert with the scheme dynamic expects null or one of: float32",
        ),
        (
            "onnxruntime",
            "int8",
            "int16",
            "int16; onnxruntime with the scheme int8 expects null or one of: float32, int8, uint8",
        ),
    ],
)
@pytest.mark.parametrize("word", ["input", "output"])
def test_runtime_has_the_ends(  # noqa: PLR0917 - one per column of the table
    recipe: Recipe, runtime: str, scheme: str, dtype: str, problem: str | None, word: str
) -> None:
    recipe.convert.runtime, recipe.quantize = runtime, option(scheme)
    setattr(recipe.convert, word, DType(dtype))
    assert recipe_checks.check(recipe) == ([(f"convert.{word}", problem)] if problem else [])


def test_core_ml_takes_an_image_and_gives_a_label(core_ml_recipe: Recipe) -> None:
    core_ml_recipe.convert.input = DType.float32
    expected = "float32; coreml with the scheme float16 expects null"
    assert recipe_checks.check(core_ml_recipe) == [("convert.input", expected)]


def test_only_onnx_runtime_has_its_own_format(recipe: Recipe) -> None:
    recipe.convert.ort_format = True
    assert recipe_checks.check(recipe) == [
        ("convert.ort_format", "true; expected false for litert")
    ]
    recipe.convert.runtime = "onnxruntime"
    assert recipe_checks.check(recipe) == []


def test_a_scheme_has_its_words_and_no_others(recipe: Recipe) -> None:
    recipe.quantize = Quantize(
        "int4_weights",
        granularity=Granularity.per_tensor,
        compression=Compression(sparsity=0.5),
        candidates=["int8"],
    )
    assert recipe_checks.check(recipe) == [
        ("quantize.compression.block_size", "null; the scheme int4_weights expects it"),
        ("quantize.compression.sparsity", "has a value; expected null for the scheme int4_weights"),
        ("quantize.granularity", "has a value; expected null for the scheme int4_weights"),
        ("quantize.candidates", "has a value; expected null for the scheme int4_weights"),
    ]


@pytest.mark.parametrize(
    ("scheme", "word"),
    [
        ("int8", "granularity"),
        ("int16x8", "granularity"),
        ("mixed", "fallback_dtype"),
        ("auto", "candidates"),
    ],
)
def test_a_scheme_misses_its_word(recipe: Recipe, scheme: str, word: str) -> None:
    recipe.quantize = option(scheme)
    setattr(recipe.quantize, word, None)
    assert recipe_checks.check(recipe) == [
        (f"quantize.{word}", f"null; the scheme {scheme} expects it")
    ]


def test_a_ladder_has_rungs(recipe: Recipe) -> None:
    recipe.quantize = Quantize("auto", candidates=[])
    expected = "empty; expected options of quantize, the cheapest first"
    assert recipe_checks.check(recipe) == [("quantize.candidates", expected)]


def test_mixed_knows_what_to_keep_layers_for(recipe: Recipe) -> None:
    recipe.quantize = option("mixed")
    recipe.validate.budget.accuracy = recipe.validate.budget.accuracy_drop = None
    expected = "null; the scheme mixed expects it, or accuracy_drop, to choose the layers in float"
    assert recipe_checks.check(recipe) == [("validate.budget.accuracy", expected)]
    recipe.validate.budget.accuracy_drop = Ceiling(at_most=0.01, required=True)
    assert recipe_checks.check(recipe) == []
    recipe.validate.budget.accuracy_drop, recipe.validate.budget.accuracy = (
        None,
        Floor(at_least=0.9, required=True),
    )
    assert recipe_checks.check(recipe) == []


@pytest.mark.parametrize(
    ("compression", "word", "problem"),
    [
        (Compression(sparsity=1.0), "sparsity", "1; expected a share between 0 and 1"),
        (Compression(sparsity=0.0), "sparsity", "0; expected a share between 0 and 1"),
        (
            Compression(palette=Palette(5, None, False)),
            "palette.bits",
            "5; expected one of: 1, 2, 3, 4, 6, 8",
        ),
        (
            Compression(palette=Palette(4, 0, False)),
            "palette.group_size",
            "0; expected 1 or more, or null",
        ),
    ],
)
def test_weights_can_be_compressed(
    core_ml_recipe: Recipe, compression: Compression, word: str, problem: str
) -> None:
    core_ml_recipe.quantize = Quantize(
        "palettized" if compression.palette else "sparse", compression=compression
    )
    core_ml_recipe.convert.coreml.minimum_deployment_target = "iOS18"  # type: ignore[union-attr]
    core_ml_recipe.device.minimum_os = "18"
    assert recipe_checks.check(core_ml_recipe) == [(f"quantize.compression.{word}", problem)]


@pytest.mark.parametrize("scheme", ["int8", "mixed", "int16x8"])
def test_integers_are_calibrated(recipe: Recipe, scheme: str) -> None:
    recipe.quantize = option(scheme)
    recipe.quantize.calibration = None
    assert recipe_checks.check(recipe) == [
        (KEY, f"null; the scheme {scheme} expects method, samples and seed")
    ]


@pytest.mark.parametrize("scheme", ["none", "dynamic", "float16", "int4_weights", "auto"])
def test_floats_are_not_calibrated(recipe: Recipe, scheme: str) -> None:
    recipe.quantize = option(scheme)
    recipe.quantize.calibration = calibration()
    assert recipe_checks.check(recipe) == [
        (KEY, f"has options; expected null for the scheme {scheme}")
    ]


@pytest.mark.parametrize("share", [None, 50.0, 0.9999, 100.5, float("nan")])
def test_a_percentile_is_most_of_the_values(recipe: Recipe, share: float | None) -> None:
    recipe.quantize.calibration = calibration("percentile", share)
    shown = "null" if share is None else f"{share:g}"
    expected = f"{shown}; expected more than 50 and at most 100, for example 99.99"
    assert recipe_checks.check(recipe) == [(f"{KEY}.percentile", expected)]


@pytest.mark.parametrize("method", ["entropy", "min_max", "moving_average", "mse"])
def test_a_percentile_stands_where_it_is_read(recipe: Recipe, method: str) -> None:
    recipe.quantize.calibration = calibration(method, 99.9)
    expected = f"has a value; expected null for the method {method}"
    assert recipe_checks.check(recipe) == [(f"{KEY}.percentile", expected)]
    recipe.quantize.calibration = calibration("percentile", 99.9)
    assert recipe_checks.check(recipe) == []


@pytest.mark.parametrize("scheme", ["dynamic", "float16", "int16x8", "mixed", "none"])
def test_training_prepares_for_schemes_that_it_can(recipe: Recipe, scheme: str) -> None:
    recipe.quantize = option(scheme)
    recipe.quantize.qat = training()
    assert recipe_checks.check(recipe) == [
        ("quantize.qat", f"has options; expected null for the scheme {scheme}")
    ]


@pytest.mark.parametrize("freeze_after", [0, 6])
def test_training_may_freeze_from_the_start_or_never(recipe: Recipe, freeze_after: int) -> None:
    recipe.quantize.qat = training(freeze_after=freeze_after)
    assert recipe_checks.check(recipe) == []


@pytest.mark.parametrize(
    ("word", "value", "problem"),
    [
        ("epochs", 0, "0; expected 1 or more"),
        ("batch_size", -1, "-1; expected 1 or more"),
        ("threads", 0, "0; expected 1 or more"),
        ("freeze_after", 7, "7; expected 0 to the 6 of quantize.qat.epochs"),
        ("freeze_after", -1, "-1; expected 0 to the 6 of quantize.qat.epochs"),
        ("learning_rate", 0.0, "0; expected more than 0 and at most 1"),
        ("learning_rate", 1.5, "1.5; expected more than 0 and at most 1"),
        ("learning_rate", float("nan"), "nan; expected more than 0 and at most 1"),
        ("seed", -1, "-1; expected 0 to 4294967295"),
    ],
)
def test_training_can_run(recipe: Recipe, word: str, value: float, problem: str) -> None:
    recipe.quantize.qat = training(**{word: value})
    if word == "epochs":
        recipe.quantize.qat.freeze_after = 0
    assert recipe_checks.check(recipe) == [(f"quantize.qat.{word}", problem)]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes/quantize").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_option_is_sound_on_a_runtime_that_carries_it(
    path: Path, recipe: Recipe, core_ml_recipe: Recipe
) -> None:
    words = core_ml_recipe.convert.coreml
    assert words is not None
    words.minimum_deployment_target, core_ml_recipe.device.minimum_os = "iOS18", "18"
    words.compute_precision = Precision.float32 if path.stem == "none" else Precision.float16
    recipe.quantize = core_ml_recipe.quantize = option(path.stem)
    assert [] in [list(quantize_checks.check(recipe)), recipe_checks.check(core_ml_recipe)]


FALLBACK_PROBLEMS: list[tuple[str, object, str]] = [
    (
        "litert",
        ["PRELUU"],
        "PRELUU; expected operators of litert, layer:NAME or auto; did you mean 'PRELU'?",
    ),
    (
        "onnxruntime",
        ["RESIZE_NEAREST_NEIGHBOR"],
        "RESIZE_NEAREST_NEIGHBOR; expected operators of onnxruntime, layer:NAME or auto",
    ),
    (
        "coreml",
        ["prelu"],
        "prelu; coreml chooses its float operators by itself; expected null or auto",
    ),
    (
        "onnxruntime",
        ["PRELU"],
        "PRELU: onnxruntime files of keras models have others in its place; expected null, and "
        "convert names those that need it, or auto",
    ),
    ("litert", ["auto", "TILE"], "auto and TILE; expected auto alone, or a list without it"),
]


@pytest.mark.parametrize(("runtime", "value", "problem"), FALLBACK_PROBLEMS)
def test_operators_that_cannot_stay_in_float(
    recipe: Recipe, runtime: str, value: object, problem: str
) -> None:
    recipe.convert.runtime = runtime
    recipe.quantize = option("int8")
    recipe.quantize.fallback = value
    assert ("quantize.fallback", problem) in list(quantize_checks.check(recipe))


@pytest.mark.parametrize(
    ("runtime", "value"),
    [
        ("litert", ["PRELU", "layer:p_re_lu", "PRelu"]),
        ("onnxruntime", ["Erf", "TILE"]),
        ("litert", "auto"),
        ("coreml", "auto"),
    ],
)
def test_operators_that_can_stay_in_float(recipe: Recipe, runtime: str, value: object) -> None:
    recipe.convert.runtime = runtime
    recipe.quantize = option("int8")
    recipe.quantize.fallback = value
    keys = [key for key, _ in quantize_checks.check(recipe)]
    assert "quantize.fallback" not in keys


def test_an_imported_onnx_file_may_have_any_operator(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").touch()
    recipe.convert.runtime = "onnxruntime"
    recipe.quantize = option("int8")
    recipe.quantize.fallback = ["PRelu"]
    recipe.model.imported = graphs.options("net.onnx")
    keys = [key for key, _ in quantize_checks.check(recipe)]
    assert "quantize.fallback" not in keys


def test_fallback_expects_integers_and_a_share(recipe: Recipe) -> None:
    recipe.quantize = option("float16")
    recipe.quantize.fallback = "auto"
    recipe.quantize.fallback_limit = 10
    problems = list(quantize_checks.check(recipe))
    assert ("quantize.fallback", "has a value; expected null for the scheme float16") in problems
    assert ("quantize.fallback_limit", "10; expected a share between 0 and 1") in problems
