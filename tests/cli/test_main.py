"""The verbs as a user types them: printed text and exit codes."""

import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from edgebake.cli.main import GROUPS, main, parser
from edgebake.cli.verbs import Verb
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from tests import builds

VERBS = [verb for group in GROUPS for verb in group.verbs]


def _python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def _help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_verb_below_the_title_of_its_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = iter(_help([], capsys).splitlines())
    for group in GROUPS:
        assert f"{group.title}:" in lines
        for verb in group.verbs:
            assert next(lines) == f"  {verb.name:12} {verb.summary}"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_help_of_a_verb_has_a_description_and_examples_that_parse(
    verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = " ".join(_help([verb.name], capsys).split())
    assert verb.description in printed
    assert verb.examples
    for example in verb.examples:
        assert f"# {example.purpose} {example.command}" in printed
        program, *arguments = shlex.split(example.command)
        assert program == "edgebake"
        assert parser().parse_args(arguments).verb is verb


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_summary_fits_its_line(verb: Verb) -> None:
    assert len(f"  {verb.name:12} {verb.summary}") <= 80


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"edgebake {version('edgebake')}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["bake"], ["show"], ["train"], ["plan", "--check", "--in-repro"]]
)
def test_wrong_usage_is_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: edgebake")


def test_another_folder_is_code_1_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 1
    expected = "no recipes/release.yaml; expected to be run in the project's top folder"
    assert capsys.readouterr().err == f"edgebake: {tmp_path}: {expected}\n"


def test_a_users_mistake_is_code_1_without_a_traceback(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "pixel_8", "train.epoch=3"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("edgebake: command line: train.epoch: unknown key")
    assert printed.err.count("\n") == 1


def test_list_shows_released_targets_and_options(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = project / "recipes/release.yaml"
    release.write_text(release.read_text().replace("  - iphone_15\n", ""))
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "target    pixel_8  (released)" in lines
    assert "target    iphone_15" in lines
    assert "convert   coreml litert onnxruntime" in lines
    for group in ("quantize", "validate"):
        options = sorted(file.stem for file in (project / "recipes" / group).glob("*.yaml"))
        assert f"{group}  {' '.join(options)}" in lines


def test_show_names_the_file_of_every_value(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (project / "recipes/target/iphone_15.yaml").open("a") as target:
        target.write("validate:\n  budget:\n    accuracy: { required: false }\n")
    assert main(["show", "iphone_15", "train.epochs=3"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "epochs: 3 # command line" in lines
    assert "runtime: coreml # recipes/convert/coreml.yaml" in lines
    assert "at_least: 0.95 # recipes/validate/realtime.yaml" in lines
    assert "speedup: null # recipes/validate/untimed.yaml" in lines
    assert "required: false # recipes/target/iphone_15.yaml" in lines


def test_check_counts_the_targets(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    targets = sorted(file.stem for file in (project / "recipes/target").glob("*.yaml"))
    expected = f"{len(targets)} targets are sound: {' '.join(targets)}\n"
    assert capsys.readouterr().out == expected


def test_check_decides_on_the_licenses_of_the_release(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builds.edit(project / "recipes/release.yaml", "license: Apache-2.0", "license: Zlib")
    assert main(["check"]) == 1
    assert "model 'digits' is under Zlib: Zlib is in no list" in capsys.readouterr().err


def test_plan_tells_its_changes_once(
    project: Path,
    planned: Plan,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(planner, "make", lambda: planned)
    assert main(["plan"]) == 0
    assert "+ train.digits-ds_cnn\n" in capsys.readouterr().out
    assert main(["plan"]) == 0
    assert capsys.readouterr().out == "params.yaml: nothing to change\n"


def test_stale_plan_is_code_1(
    project: Path,
    planned: Plan,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(planner, "make", lambda: planned)
    assert main(["plan", "--check"]) == 1
    assert "params.yaml: out of date; run `edgebake plan`" in capsys.readouterr().err


def test_a_stage_without_such_a_variant_is_code_1(
    project: Path, planned: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    planner.write(planned)
    assert main(["train", "digits-ds_cn"]) == 1
    assert "did you mean 'digits-ds_cnn'?" in capsys.readouterr().err


def test_the_table_needs_a_plan(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table"]) == 1
    assert "run `edgebake plan`" in capsys.readouterr().err


HEAVY = (
    *("cryptography", "dvc", "hydra", "jsonschema", "keras", "numpy", "omegaconf", "onnx"),
    *("scipy", "tensorflow", "yaml"),
)


def test_help_waits_for_no_library() -> None:
    code = f"import sys, edgebake.cli.main; print(sorted(set({HEAVY}) & set(sys.modules)))"
    assert _python(code) == "[]\n"
