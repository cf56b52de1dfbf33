"""Objects of a project's plugins: every member of the interface is there."""

from pathlib import Path

import pytest

from edgebake.errors import RecipeError
from edgebake.recipe import Data, DataInput, Model, Task
from edgebake.tasks import contract
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.task import load_task
from tests import level_input


def _write(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_kind_of_input_without_a_member_is_refused_by_name(project: Path) -> None:
    files = level_input.files("float32", "rising")
    name = "plugins/inputs/levels/__init__.py"
    files[name] = files[name].replace("def describe", "def tell").replace("raw_form", "form")
    _write(project, files)
    with pytest.raises(RecipeError) as refused:
        load_input("levels")
    assert str(refused.value) == (
        "plugins/inputs/levels: no describe, raw_form in INPUT; expected every member of "
        "edgebake.tasks.inputs.interface.Input"
    )


def test_a_task_without_a_member_is_refused_by_name(project: Path) -> None:
    text = "class Rising:\n    METRICS = ()\n\n\nTASK = Rising()\n"
    _write(project, {"plugins/tasks/rising.py": text})
    with pytest.raises(RecipeError, match=r"plugins/tasks/rising: no after, .* turns in TASK"):
        load_task("rising")


def test_plugins_with_every_member_are_taken(project: Path) -> None:
    _write(project, level_input.files("float32", "rising"))
    assert load_input("levels").raw_form == "int32"
    assert load_task("rising").METRICS[0].word == "macro_f1"


def test_a_step_that_a_kind_names_and_does_not_have_is_refused(project: Path) -> None:
    files = level_input.files("float32", "rising")
    name = "plugins/inputs/levels/__init__.py"
    files[name] = files[name].replace('"levels.shorten"', '"levels.shortn"')
    _write(project, files)
    own = DataInput("levels", {"length": 8})
    options = ContractOptions(Data(source="ramps", path=None, input=own), Model(), Task())
    with pytest.raises(RecipeError) as refused:
        contract.from_recipe(options, ["falls", "rises"])
    assert str(refused.value) == (
        "the kind of input levels: no step 'levels.shortn' in steps; expected one of: "
        "levels.divide, levels.shorten; did you mean 'levels.shorten'?"
    )
