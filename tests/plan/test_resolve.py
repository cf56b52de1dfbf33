"""Sections: what each stage gets to read, and which of them an upgraded tool concerns."""

from typing import Any

import pytest

from edgebake import plugins
from edgebake.plan import resolve
from edgebake.plan.compose import Target, compose_release
from edgebake.recipe import Cpu, Recipe, Release, Ssh, Waiver
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.typed_values import to_plain

ABOUT = ReleaseInfo(
    name="digits", version="1.0.0", author="someone", license="MIT", description="Reads digits."
)
NAMES = {stage: f"some-{stage}" for stage in resolve.RESOLVERS}
INSTALLED = plugins.tools
IPHONES = ("iphone_15", "iphone_se_3", "ios_any")
LINUX = ("raspberry_pi_5", "linux_any")


@pytest.fixture(scope="module")
def composed(release: Release, composed: dict[str, Target]) -> dict[str, Target]:
    """The targets of the release."""
    return {name: composed[name] for name in release.targets}


def _sections(recipe: Recipe) -> dict[str, Any]:
    return {
        stage: to_plain(section_of(recipe, NAMES, ABOUT))
        for stage, section_of in resolve.RESOLVERS.items()
    }


def _touched_by(
    upgraded: str, composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> set[tuple[str, str]]:
    """Return (target, stage) of all parameters that another version of a distribution changes."""
    before = {name: _sections(one.recipe) for name, one in composed.items()}
    upgrade = {upgraded: "99.0"}
    monkeypatch.setattr(
        plugins, "tools", lambda *names: INSTALLED(*names) | (upgrade if upgraded in names else {})
    )
    after = {name: _sections(one.recipe) for name, one in composed.items()}
    return {
        (name, stage)
        for name in before
        for stage in before[name]
        if before[name][stage] != after[name][stage]
    }


@pytest.mark.parametrize(
    ("runtime", "cpu", "scheme", "expected"),
    [
        ("onnxruntime", Cpu.arm, "int8", False),
        ("onnxruntime", Cpu.x86_vnni, "int8", False),
        ("onnxruntime", Cpu.x86, "int8", True),
        ("onnxruntime", Cpu.any, "mixed", True),
        ("onnxruntime", Cpu.any, "dynamic", False),
        ("litert", Cpu.any, "int8", False),
    ],
)
def test_weights_have_seven_bits_where_kernels_of_the_device_may_overflow(
    recipe: Recipe, runtime: str, cpu: Cpu, scheme: str, expected: bool
) -> None:
    recipe.convert.runtime = runtime
    recipe.device.cpu, recipe.quantize.scheme = cpu, scheme
    assert resolve.convert_params(recipe, NAMES, ABOUT).reduce_range is expected


def test_another_coremltools_converts_and_measures_core_ml_again_and_nothing_else(
    composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = _touched_by("coremltools", composed, monkeypatch)
    assert touched == {(target, stage) for target in IPHONES for stage in ("convert", "validate")}


def test_another_onnx_runtime_converts_and_measures_again_what_runs_on_it(
    composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = _touched_by("onnxruntime", composed, monkeypatch)
    # The executor of Core ML's programs is built on it, and the float reference may run in it.
    converted = {(target, "convert") for target in (*LINUX, *IPHONES)}
    assert touched == converted | {(target, "validate") for target in composed}


def test_another_tensorflow_trains_again_and_measures_only_what_comes_of_it(
    composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = _touched_by("tensorflow", composed, monkeypatch)
    assert {stage for _, stage in touched} == {"train", "prune", "quantize", "convert"}
    # Calibration runs in TensorFlow. Schemes without calibration and unpruned models stay.
    assert {target for target, stage in touched if stage == "quantize"} == {
        "pixel_8",
        "galaxy_a14",
        "raspberry_pi_5",
    }
    assert {target for target, stage in touched if stage == "prune"} == {"galaxy_a14"}


def test_a_tool_that_no_stage_uses_changes_nothing(
    composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _touched_by("pytest", composed, monkeypatch) == set()


def test_another_scipy_measures_every_target_again(
    composed: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = _touched_by("scipy", composed, monkeypatch)
    assert {target for target, stage in touched if stage == "validate"} == set(composed)


@pytest.mark.parametrize(
    "upgraded", ["cyclonedx-python-lib", "packageurl-python", "py-serializable"]
)
def test_another_tool_that_shapes_the_sbom_packages_again(
    upgraded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = compose_release()
    before = to_plain(resolve.package_params(release))["tools"]
    upgrade = {upgraded: "99.0"}
    monkeypatch.setattr(
        plugins, "tools", lambda *names: INSTALLED(*names) | (upgrade if upgraded in names else {})
    )
    assert to_plain(resolve.package_params(release))["tools"] == {**before, upgraded: "99.0"}


def test_budget_and_waivers_are_packages_and_not_validates(recipe: Recipe) -> None:
    recipe.validate.waivers = [
        Waiver(gate="size_mb", reason="one release", by="Ada", until="2027-01-31")
    ]
    assert not {"budget", "waivers"} & set(_sections(recipe)["validate"])
    packaged = to_plain(resolve.target_params(recipe, NAMES))
    assert packaged["budget"]["size_mb"] == to_plain(recipe)["validate"]["budget"]["size_mb"]
    assert packaged["waivers"] == to_plain(recipe)["validate"]["waivers"]
    assert (packaged["validate"], packaged["runtime"]) == ("some-validate", "litert")


def test_sections_point_at_the_variants_before(recipe: Recipe) -> None:
    sections = _sections(recipe)
    assert sections["prune"]["train"] == sections["validate"]["train"] == "some-train"
    assert sections["quantize"]["prune"] == "some-prune"
    assert sections["convert"]["quantize"] == "some-quantize"
    assert sections["validate"]["convert"] == "some-convert"


@pytest.mark.parametrize(
    ("names", "float_parent"),
    [(NAMES, "some-convert"), ({**NAMES, "float_parent": "a-parent"}, "a-parent")],
)
def test_validate_times_the_float_parent_that_it_is_given(
    recipe: Recipe, names: dict[str, str], float_parent: str
) -> None:
    assert resolve.validate_params(recipe, names, ABOUT).float_parent == float_parent


def test_validate_reads_how_and_where_to_measure(recipe: Recipe) -> None:
    recipe.validate.where, recipe.validate.ssh = "ssh", Ssh(host="pi", user="ada")
    section = _sections(recipe)["validate"]
    assert (section["where"], section["runs"], section["repeats"]) == ("ssh", 1024, 3)
    assert section["ssh"] == {
        "host": "pi",
        "port": 22,
        "user": "ada",
        "identity": None,
        "python": "python3",
    }
    assert section["adb"] is None


def test_model_files_carry_the_words_of_the_release(recipe: Recipe) -> None:
    assert _sections(recipe)["convert"]["about"] == vars(ABOUT)
    assert "about" not in _sections(recipe)["train"]


@pytest.mark.parametrize(
    ("stage", "word"),
    [
        ("data", "digits"),
        ("train", "ds_cnn"),
        ("prune", "none"),
        ("quantize", "float16"),
        ("convert", "coreml"),
        ("validate", "ios"),
    ],
)
def test_a_stage_names_what_the_target_picked(
    composed: dict[str, Target], stage: str, word: str
) -> None:
    assert resolve.option_name(stage, composed["iphone_15"]) == word
