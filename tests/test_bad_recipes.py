"""Every file in tests/recipes/bad/ is one mistake: an edit of a recipe and its exact message.

`before` is an edit after which all is still sound: it picks the option that the mistake is in.
"""

from pathlib import Path

import pytest
import yaml

from edgebake import plugins
from edgebake.cli.main import main
from edgebake.compression.quantization.schemes import AUTO, SCHEMES
from edgebake.errors import listed
from edgebake.recipe.validate import Budget
from tests.builds import edit

ROOT = Path(__file__).parents[1]
BAD = sorted((ROOT / "tests/recipes/bad").glob("*.yaml"))


# What a message lists grows with every new file, and no test should have to be edited for one.
LISTS = {
    "targets": listed(path.stem for path in (ROOT / "recipes/target").glob("*.yaml")),
    "devices": listed(path.stem for path in (ROOT / "recipes/device").glob("*.yaml")),
    "pruners": listed(plugins.options("prune.method")),
    "quantize": listed(path.stem for path in (ROOT / "recipes/quantize").glob("*.yaml")),
    "schemes": listed(sorted([*SCHEMES, AUTO])),
    "calibrators": listed(plugins.options("quantize.calibration.method")),
    "rungs": listed(
        path.stem for path in (ROOT / "recipes/quantize").glob("*.yaml") if path.stem != "auto"
    ),
    "places": listed(plugins.options("validate.where")),
    "gates": listed(sorted(Budget.__dataclass_fields__)),
    "architectures": listed(plugins.options("model.architecture")),
}


def test_there_are_as_many_mistakes_as_when_they_were_last_counted() -> None:
    assert len(BAD) == 130


@pytest.mark.parametrize("mistake", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_named_with_file_and_key(
    mistake: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = yaml.safe_load(mistake.read_text())
    if "before" in case:
        _edit(project, case["before"])
        assert main(["check"]) == 0
    _edit(project, case)

    code = main(["plan"])

    assert capsys.readouterr().err.strip() == "edgebake: " + case["message"].format(**LISTS)
    assert code == 1
    assert not (project / "params.yaml").exists()
    assert not (project / "artifacts").exists()


def _edit(project: Path, change: dict[str, str]) -> None:
    edit(project / change["file"], change["replace"], change["with"])


def test_the_sound_recipes_plan_without_a_word_of_complaint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["plan", "--check"]) == 0
    assert capsys.readouterr().err == ""
