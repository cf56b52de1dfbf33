"""All recipes compose, and every value can be traced to the file that it came from."""

from pathlib import Path

import pytest

from edgebake import plugins
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.errors import RecipeError
from edgebake.plan import compose
from edgebake.plan.compose import Target
from edgebake.recipe import files
from edgebake.runtimes import coreml
from edgebake.tasks.inputs.image.spec import NAME as IMAGE
from tests import architectures

RECIPES = Path(__file__).parents[2] / "recipes"
TARGETS = len(list((RECIPES / "target").glob("*.yaml")))
DEVICES = len(list((RECIPES / "device").glob("*.yaml")))


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _by_runtime(composed: dict[str, Target]) -> dict[str, str]:
    """Return one target for each runtime."""
    return {one.recipe.convert.runtime: name for name, one in composed.items()}


def test_all_targets_compose(composed: dict[str, Target]) -> None:
    assert len(composed) == TARGETS
    assert len({one.recipe.device.name for one in composed.values()}) == DEVICES


def test_every_runtime_has_a_target(composed: dict[str, Target]) -> None:
    assert sorted(_by_runtime(composed)) == plugins.options("convert.runtime")


@pytest.mark.parametrize("model", architectures.NAMES)
def test_every_model_composes_for_every_runtime(
    project: Path, composed: dict[str, Target], model: str
) -> None:
    for_images = {
        name: one for name, one in composed.items() if one.recipe.data.input.kind == IMAGE
    }
    runtimes = _by_runtime(for_images)
    found = compose.compose_targets(list(runtimes.values()), [f"model={model}"])
    assert [one.recipe.model.architecture for one in found] == [model] * 3
    assert [one.recipe.convert.runtime for one in found] == list(runtimes)


@pytest.mark.parametrize("scheme", sorted(coreml.first_versions()))
def test_every_scheme_composes_for_core_ml_with_the_words_of_its_recipe(
    project: Path, scheme: str
) -> None:
    precision = "float32" if scheme == "none" else "float16"
    newest = ["device.minimum_os='18'", "convert.coreml.minimum_deployment_target=iOS18"]
    words = [f"quantize={scheme}", f"convert.coreml.compute_precision={precision}", *newest]
    recipe = compose.compose_targets(["iphone_15"], words)[0].recipe
    assert recipe.quantize.scheme == scheme
    others = {
        word: getattr(recipe.quantize, word)
        for word in ("granularity", "fallback_dtype", "candidates")
    }
    given = [
        word
        for word, value in {**vars(recipe.quantize.compression), **others}.items()
        if value is not None
    ]
    assert sorted(given) == sorted(SCHEMES[scheme].options)


def test_choices_name_the_option_of_every_group(composed: dict[str, Target]) -> None:
    choices = composed["iphone_15"].choices
    assert (choices["device"], choices["quantize"], choices["convert"]) == (
        "iphone_15",
        "float16",
        "coreml",
    )
    assert set(files.groups()) <= set(choices)


def test_options_of_a_group_are_its_files(project: Path) -> None:
    (project / "recipes/model/nano.yaml").write_text(
        "architecture: ds_cnn\nwidth_multiplier: 0.5\nresolution: 32\n"
    )
    assert "nano" in files.groups()["model"]
    assert (
        compose.compose_targets(["pixel_8"], ["model=nano"])[0].recipe.model.width_multiplier == 0.5
    )


def test_a_target_is_any_file_in_its_folder(project: Path) -> None:
    target = project / "recipes/target"
    (target / "pixel_7.yaml").write_text((target / "pixel_8.yaml").read_text())
    assert len(files.targets()) == TARGETS + 1
    assert compose.compose_targets(["pixel_7"])[0].recipe.quantize.scheme == "int8"


def test_unknown_target_is_told_with_the_nearest_one(project: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"recipes/target/pixel8.yaml: no such target; .*did you mean 'pixel_8'\?"
    ):
        compose.compose_targets(["pixel8"])


def test_overrides_change_a_value_and_nothing_else(
    project: Path, composed: dict[str, Target]
) -> None:
    recipe = compose.compose_targets(["pixel_8"], ["train.epochs=7"])[0].recipe
    assert recipe.train.epochs == 7
    recipe.train.epochs = composed["pixel_8"].recipe.train.epochs
    assert recipe == composed["pixel_8"].recipe


def test_an_override_picks_another_option(project: Path) -> None:
    found = compose.compose_targets(["pixel_8"], ["quantize=dynamic"])[0]
    assert found.choices["quantize"] == "dynamic"
    assert found.recipe.quantize.scheme == "dynamic"


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("train.epochs=many", "command line: train.epochs: 'many'; expected a whole number"),
        ("train.epoch=3", "command line: train.epoch: unknown key; .*did you mean 'epochs'"),
        (
            "quantize=int4",
            "command line: quantize: no option 'int4'; .* int4_weights, .*; did you mean 'int8'",
        ),
        (
            "data.color=greyscale",
            "command line: data.color: 'greyscale'; expected one of: bgr, grayscale, "
            "rgb, or null; did you mean 'grayscale'",
        ),
        ("train.epochs", "command line: 'train.epochs' is not an override; expected KEY=VALUE"),
        ("train.epochs=0", "command line: train.epochs: 0; expected 1 or more"),
    ],
)
def test_wrong_override_is_told_as_one(project: Path, override: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        compose.compose_targets(["pixel_8"], [override])


def test_origins_name_ingredient_target_and_command_line(project: Path) -> None:
    with (project / "recipes/target/iphone_15.yaml").open("a") as target:
        target.write("validate:\n  budget:\n    accuracy: { required: false }\n")
    origins = compose.origins("iphone_15", ["train.epochs=3"])
    assert origins["data.splits.test"] == "recipes/data/digits.yaml"
    assert origins["validate.budget.accuracy.at_least"] == "recipes/validate/realtime.yaml"
    assert origins["validate.budget.speedup"] == "recipes/validate/untimed.yaml"
    assert origins["validate.budget.accuracy.required"] == "recipes/target/iphone_15.yaml"
    assert origins["train.epochs"] == "command line"
    assert origins["train.seed"] == "recipes/train/scratch.yaml"


def test_origins_follow_an_option_picked_on_the_command_line(project: Path) -> None:
    origins = compose.origins("iphone_15", ["quantize=dynamic"])
    assert origins["quantize.scheme"] == "recipes/quantize/dynamic.yaml"


def test_two_broken_rules_are_told_together_each_with_its_file(project: Path) -> None:
    _edit(project / "recipes/validate/realtime.yaml", "runs: 1024", "runs: 5")
    _edit(project / "recipes/package/bundle.yaml", "top_k: 3", "top_k: 0")
    with pytest.raises(RecipeError) as caught:
        compose.compose_targets(["pixel_8"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(
        "recipes/validate/realtime.yaml: validate.runs: 5; expected 200 or more"
    )
    assert lines[1] == "recipes/package/bundle.yaml: package.top_k: 0; expected 1 or more"


def test_the_release_reads_back_as_it_is_written(project: Path) -> None:
    release = compose.compose_release()
    assert release.name == "digits"
    assert set(release.targets) <= set(files.targets())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "- pixel_8\n",
            "- pixel_8\n  - pixel_8\n",
            "targets: pixel_8 is named 2 times; expected once",
        ),
        (
            "name: digits\n",
            "name: digits\nmemory_gb: { train: 0 }\n",
            r"memory_gb.train: 0; expected more than 0, in 10\^9 bytes",
        ),
        (
            "name: digits\n",
            "name: digits\nmemory_gb: { trian: 8 }\n",
            "memory_gb.trian: unknown key; expected one of: .*did you mean .train",
        ),
        (
            "- pixel_8\n",
            "- pixel_9\n",
            "targets: no recipes/target/pixel_9.yaml; .*did you mean 'pixel_8'",
        ),
        (
            "version: 1",
            "version: v1",
            "version: 'v1.* expected MAJOR.MINOR.PATCH, for example 1.4.0",
        ),
        ("license: Apache-2.0\n", "", "license: no value; expected one, it has no default"),
        ("license:", "licence:", "licence: unknown key; expected one of: .*did you mean 'license'"),
        ("targets:", "targets: [", "line .*: not YAML"),
    ],
)
def test_wrong_release_is_told_with_file_and_key(
    project: Path, old: str, new: str, complaint: str
) -> None:
    _edit(project / "recipes/release.yaml", old, new)
    with pytest.raises(RecipeError, match=f"recipes/release.yaml: {complaint}"):
        compose.compose_release()


def test_a_release_of_nothing_is_refused(project: Path) -> None:
    file = project / "recipes/release.yaml"
    file.write_text(file.read_text().split("targets:")[0] + "targets: []\n")
    with pytest.raises(
        RecipeError,
        match=r"recipes/release.yaml: targets: empty; expected at least one of: android",
    ):
        compose.compose_release()


def test_words_that_are_null_are_given_in_a_file(project: Path) -> None:
    with pytest.raises(RecipeError) as refused:
        compose.compose_targets(
            ["iphone_15"], ["convert.coreml.resolution_range={smallest:24,largest:96}"]
        )
    assert str(refused.value) == (
        "command line: convert.coreml.resolution_range: null; "
        "expected a mapping in a file of recipes/, for example a target"
    )
