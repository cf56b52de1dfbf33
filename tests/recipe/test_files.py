"""A project's recipes and license texts, and ours behind them; the project is nearly empty."""

import shutil
from pathlib import Path

import pytest

from edgebake.bundle import license_policy, license_texts
from edgebake.cli.main import main
from edgebake.errors import RecipeError
from edgebake.plan import code_digest, compose
from edgebake.recipe import Licenses, files
from edgebake.recipe.stage_params import Plan
from tests.builds import ROOT

OWN_TARGET = "# @package _global_\ndefaults:\n  - override /device: linux_any\n"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has recipes/release.yaml and nothing else, in which the test runs."""
    (tmp_path / "recipes").mkdir()
    shutil.copy(ROOT / "recipes/release.yaml", tmp_path / "recipes")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(file: str, text: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text)


def ours(folder: str) -> list[str]:
    return sorted(file.stem for file in (ROOT / "recipes" / folder).glob("*.yaml"))


def refusal(target: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        compose.compose_targets([target], overrides)
    return str(caught.value)


def test_a_project_of_a_release_alone_has_our_targets_and_options(bare: Path) -> None:
    assert files.targets() == ours("target")
    assert files.groups()["target"] == ours("target")
    assert files.options("device") == ours("device")
    released = compose.compose_release().targets
    assert [one.name for one in compose.compose_targets(released)] == released


def test_a_project_with_targets_has_those_alone_and_all_options(bare: Path) -> None:
    write("recipes/target/own.yaml", OWN_TARGET)
    write("recipes/device/own_board.yaml", (ROOT / "recipes/device/linux_any.yaml").read_text())
    assert files.targets() == ["own"]
    assert files.options("device") == sorted([*ours("device"), "own_board"])
    assert refusal("pixel_8") == "recipes/target/pixel_8.yaml: no such target; expected one of: own"


def test_an_option_of_the_project_replaces_ours_and_is_named(bare: Path) -> None:
    scratch = (ROOT / "recipes/train/scratch.yaml").read_text()
    write("recipes/train/scratch.yaml", scratch.replace("epochs: 30", "epochs: 7"))
    assert compose.compose_targets(["linux_any"])[0].recipe.train.epochs == 7
    origins = compose.origins("linux_any")
    assert origins["train.epochs"] == "recipes/train/scratch.yaml"
    assert origins["model.width_multiplier"] == "edgebake: model/ds_cnn.yaml"


def test_a_mistake_is_named_where_it_stands(bare: Path) -> None:
    write("recipes/target/own.yaml", f"{OWN_TARGET}\nmodel: {{ widht: 2 }}\n")
    assert refusal("own").startswith(
        "recipes/target/own.yaml: model.widht: unknown key; expected one of: "
    )
    write("recipes/target/own.yaml", OWN_TARGET)
    write("recipes/train/scratch.yaml", "epochs: [\n")
    assert refusal("own").startswith("recipes/train/scratch.yaml: line 2: not YAML: ")


def test_an_option_of_ours_that_does_not_fit_is_named_as_ours(bare: Path) -> None:
    write("recipes/target/own.yaml", OWN_TARGET)
    write(
        "recipes/recipe.yaml",
        (ROOT / "recipes/recipe.yaml").read_text().replace("data: digits", "data: image_folder"),
    )
    assert refusal("own") == (
        "edgebake: data/image_folder.yaml: data.origin.author: no value; expected one, "
        "it has no default"
    )


def test_edgebake_itself_is_shown_by_its_own_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert files.folders() == [Path("recipes")]
    assert files.shown_option("quantize", "int8") == "recipes/quantize/int8.yaml"


def test_init_begins_a_project(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["init", "cam", "--device", "linux_any", "--data", "digits", "--model", "ds_cnn"]) == 0
    )
    assert sorted(str(file) for file in Path("recipes").rglob("*.yaml")) == [
        "recipes/release.yaml",
        "recipes/target/cam.yaml",
    ]
    assert "check its gates in edgebake: validate/realtime.yaml; " in capsys.readouterr().out


def test_init_that_fails_leaves_no_folder(bare: Path) -> None:
    words = ["init", "cam", "--device", "linux_any", "--data", "digits", "--model", "ds_cnn"]
    assert main([*words, "--quantize", "palettized"]) == 1
    assert [str(path) for path in Path("recipes").iterdir()] == ["recipes/release.yaml"]


def test_a_license_text_is_the_projects_or_ours(bare: Path) -> None:
    policy = Licenses(allow=["MIT", "LicenseRef-Own"], review=[], deny=[])
    assert license_texts.by_identifier()["MIT"] == files.builtin("LICENSES") / "MIT.txt"
    write("LICENSES/MIT.txt", "of the project")
    assert license_texts.by_identifier()["MIT"] == Path("LICENSES/MIT.txt")
    assert not license_policy.decide("LicenseRef-Own", policy).lets_through
    write("LICENSES/LicenseRef-Own.txt", "own")
    assert license_policy.decide("LicenseRef-Own", policy).lets_through


def test_a_license_text_packages_again_and_nothing_else(bare: Path, planned: Plan) -> None:
    code_digest.write(planned)
    write("LICENSES/MIT.txt", "of the project")
    assert {change.variant: change.files for change in code_digest.write(planned)} == {
        f"package.{platform}": ("LICENSES/MIT.txt", "edgebake/LICENSES/MIT.txt")
        for platform in planned["package"]
    }
