"""Verbs that look at recipes run no code that a recipe names; a plan for a build does."""

import os
from pathlib import Path

import pytest

from edgebake.cli.main import main
from edgebake.recipe import example_release
from tests.builds import edit

TARGET = """\
# @package _global_
defaults:
  - override /device: linux_any
  - override /data: python
  - override /convert: onnxruntime
data:
  path: data/mine
  color: grayscale
  origin: { name: x, author: x, license: MIT, source: x }
"""
CODE = """\
import os
open("ran", "w").write(os.environ.get("SIGNING_KEY", "no key"))
raise ValueError("of the dataset")
"""


@pytest.fixture
def stranger(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a stranger's target, whose data are code; the file that the code writes."""
    Path("data/mine").mkdir(parents=True)
    Path("data/mine/examples.py").write_text(CODE)
    Path("recipes/target/stranger.yaml").write_text(TARGET)
    edit(Path("recipes/release.yaml"), "  - linux_any\n", "  - stranger\n")
    for text in example_release.SENTENCES:
        edit(Path("recipes/release.yaml"), text, example_release.NOT_STATED)
    edit(
        Path("recipes/release.yaml"),
        "signature: null",
        "signature: { key: 'env:SIGNING_KEY', public_key: keys/a.pub.pem }",
    )
    monkeypatch.setenv("SIGNING_KEY", "secret")
    return Path("ran")


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["show", "stranger"],
        ["list"],
        ["table"],
        ["gate", "stranger"],
        ["plan", "--check"],
    ],
    ids=" ".join,
)
def test_a_verb_that_looks_runs_no_code_of_a_recipe(
    stranger: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").write_text("{}\n")
    main(command)
    assert not stranger.exists()
    assert "of the dataset" not in capsys.readouterr().err


def test_check_names_the_code_that_it_did_not_run(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check"])
    printed = capsys.readouterr()
    assert printed.err == ""
    note = "data/mine: code, not run; `edgebake plan` runs it and checks its examples"
    assert note in printed.out.splitlines()
    assert not stranger.exists()


def test_a_plan_runs_the_code_without_the_signing_key(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan"]) == 1
    assert "of the dataset" in capsys.readouterr().err
    assert stranger.read_text() == "no key"
    assert "SIGNING_KEY" not in os.environ
