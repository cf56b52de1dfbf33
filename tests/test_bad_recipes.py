"""Every file in tests/recipes/bad/ is one mistake: an edit of a recipe, and the exact message it must give."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.cli import main

ROOT = Path(__file__).parents[1]
BAD = sorted((ROOT / "tests/recipes/bad").glob("*.yaml"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_as_many_mistakes_as_when_they_were_last_counted() -> None:
    assert len(BAD) == 40


@pytest.mark.parametrize("mistake", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_named_with_file_and_key(mistake: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = yaml.safe_load(mistake.read_text())
    file = project / case["file"]
    sound = file.read_text()
    assert case["replace"] in sound
    file.write_text(sound.replace(case["replace"], case["with"], 1))

    code = main(["plan"])

    assert capsys.readouterr().err.strip() == f"edgebake: {case['message']}"
    assert code == 1
    assert not (project / "params.yaml").exists()
    assert not (project / "artifacts").exists()


def test_the_sound_recipes_plan_without_a_word_of_complaint(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    assert capsys.readouterr().err == ""
    assert (project / "params.yaml").read_text() == (ROOT / "params.yaml").read_text()
