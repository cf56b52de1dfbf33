"""What a bundle is made from: each thing once, with the license that it comes under."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgebake import plugins
from edgebake.bundle import components
from edgebake.bundle.components import EDGEBAKE, Component
from edgebake.bundle.manifest_types import TargetEntry
from edgebake.recipe.stage_params import PackageParams, Plan, parse
from edgebake.runtimes.interface import load_runtime
from tests.bundle import made

ONNX_RUNTIME = Component(
    "code",
    "ONNX Runtime",
    "MIT",
    "https://onnxruntime.ai",
    "1.32.0",
    purl="pkg:pypi/onnxruntime@1.32.0",
)
LITERT = Component(
    "code",
    "LiteRT",
    "Apache-2.0",
    "https://ai.google.dev/edge/litert",
    "2.3.0",
    purl="pkg:pypi/ai-edge-litert@2.3.0",
)


def _of_kind(kind: str, section: PackageParams, *targets: TargetEntry) -> list[Component]:
    return [
        component
        for component in components.list_components(section, targets)
        if component.kind == kind
    ]


def test_a_bundle_is_made_from_the_release_what_others_made_and_code() -> None:
    section = made.section(made.DIGITS, made.WEIGHTS)
    assert components.list_components(section, made.content()["targets"].values()) == [
        Component("model", "digits", "Apache-2.0", "recipes/release.yaml", "1.2.0", "Ada"),
        Component(
            "data",
            "Handwritten Digits",
            "CC-BY-4.0",
            "https://doi.org/10.24432/C50P49",
            author="E. Alpaydin",
        ),
        Component("weights", "Some Weights", "MIT", "a page of Ada's", author="Ada"),
        LITERT,
        ONNX_RUNTIME,
        EDGEBAKE,
    ]


def test_two_data_sets_of_one_name_but_two_licenses_are_both_there() -> None:
    renamed = replace(made.DIGITS, license="CC0-1.0")
    data = _of_kind("data", made.section(made.DIGITS, renamed))
    assert [component.license for component in data] == ["CC-BY-4.0", "CC0-1.0"]


def test_core_ml_is_the_systems_own_and_brings_no_license() -> None:
    target = made.target("coreml", "models/digits.mlpackage", {"coremltools": "9.0"})
    assert _of_kind("code", made.section(), target) == [EDGEBAKE]


@pytest.mark.parametrize("runtime", plugins.options("convert.runtime"))
def test_the_version_of_a_library_is_among_the_tools_that_measure_with_it(runtime: str) -> None:
    facts = load_runtime(runtime).facts
    assert facts.library is None or facts.library.distribution in facts.run_tools


def test_the_projects_own_data_is_named(planned: Plan) -> None:
    section: PackageParams = parse("package", "android", planned["package"]["android"])
    assert _of_kind("data", section) == [
        Component(
            "data",
            "Optical Recognition of Handwritten Digits",
            "CC-BY-4.0",
            "https://doi.org/10.24432/C50P49",
            author="E. Alpaydin and C. Kaynak",
        )
    ]


def test_an_architecture_is_that_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made.plan(tmp_path)
    assert components.architecture(made.section().targets["pixel_8"]) == "ds_cnn"
