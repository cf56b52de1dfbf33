"""Each stage that a build would run is explained by what changed since DVC's record of it."""

import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from edgebake.documents import strict_yaml
from edgebake.execution import dvc_repo, explanation
from edgebake.execution.dvc_repo import State
from edgebake.execution.explanation import Explanation, Fate
from edgebake.plan import code_history
from edgebake.recipe import StageMemory
from tests import builds

DVC_YAML = """
stages:
  data:
    foreach: ${data}
    do:
      cmd: mkdir -p artifacts/data && cat raw.txt > artifacts/data/${key}
      params: ['data.${key}']
      deps: [raw.txt]
      outs: ['artifacts/data/${key}']
  quantize:
    foreach: ${quantize}
    do:
      cmd: mkdir -p artifacts/quantize && cp artifacts/data/${item.data} artifacts/quantize/${key}
      params: ['quantize.${key}']
      deps: ['artifacts/code/quantize/${key}', 'artifacts/data/${item.data}']
      outs: ['artifacts/quantize/${key}']
  validate:
    foreach: ${validate}
    do:
      cmd: mkdir -p artifacts/validate && cat artifacts/quantize/${key} > artifacts/validate/${key}
      params: ['validate.${key}']
      deps: ['artifacts/attempts/linux/${key}', 'artifacts/quantize/${key}']
      outs: ['artifacts/validate/${key}']
  package:
    cmd: cat artifacts/validate/a artifacts/validate/b > artifacts/package
    deps: [artifacts/revision/linux.json, artifacts/validate/a, artifacts/validate/b]
    outs: [artifacts/package]
"""
TRAINING = "1" * 64 + "  edgebake/training/loop.py\n"
SCHEMES = "2" * 64 + "  edgebake/compression/quantization/schemes.py\n"


def _params(samples: int = 100, numpy: str = "2.3.5") -> str:
    return f"""
data:
  digits: {{seed: 1}}
quantize:
  a: {{data: digits, samples: {samples}, tools: {{numpy: {numpy}}}}}
  b: {{data: digits, samples: 100, tools: {{numpy: 2.3.5}}}}
validate:
  a: {{where: host}}
  b: {{where: host}}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two schemes, built; not to be edited."""
    folder = tmp_path_factory.mktemp("built")
    assert builds.python(folder, "-m", "dvc", "init", "--no-scm", "-q").returncode == 0
    files = {"dvc.yaml": DVC_YAML, "params.yaml": _params(), "raw.txt": "pixels"}
    for variant in ("a", "b"):
        files[f"artifacts/code/quantize/{variant}"] = TRAINING + SCHEMES
        files[f"artifacts/attempts/linux/{variant}"] = "0\n"
    files["artifacts/revision/linux.json"] = "{}"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with chdir(folder):
        _build()
        code_history.keep([(TRAINING + SCHEMES).encode()])
    return folder


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built project, to edit; the test runs in it."""
    folder = tmp_path / "project"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def _build() -> None:
    with dvc_repo.opened() as project:
        for name, node in project.nodes.items():
            if project.start(name) is State.TO_RUN:
                subprocess.run(node.command, shell=True, check=True)  # noqa: S602 - DVC_YAML's
                project.finish(name)


def _explain() -> list[Explanation]:
    plan = strict_yaml.read(Path("params.yaml"))
    with dvc_repo.opened() as project:
        return explanation.explain(project, plan, StageMemory())


def _told(explanations: list[Explanation]) -> dict[str, list[str]]:
    """Return the reasons by name; the stages that a stage waits for as `after NAME`."""
    told = {}
    for each in explanations:
        told[each.task.name] = [*each.reasons, *(f"after {name}" for name in each.after)]
    return told


AFTER_A = {"validate@a": ["after quantize@a"], "package": ["after validate@a"]}


def test_nothing_is_explained_where_nothing_changed(project: Path) -> None:
    lock = Path("dvc.lock").read_bytes()
    assert _explain() == []
    assert Path("dvc.lock").read_bytes() == lock


def test_an_edited_value_names_its_variant_and_what_waits_for_it(project: Path) -> None:
    Path("params.yaml").write_text(_params(samples=150))
    lock = Path("dvc.lock").read_bytes()
    explanations = _explain()
    assert _told(explanations) == {"quantize@a": ["quantize.a.samples: 100 -> 150"], **AFTER_A}
    assert {each.fate for each in explanations} == {Fate.RUNS}
    assert Path("dvc.lock").read_bytes() == lock


def test_another_version_of_a_tool_is_named(project: Path) -> None:
    Path("params.yaml").write_text(_params(numpy="2.4.0"))
    assert _told(_explain()) == {"quantize@a": ["tool numpy: 2.3.5 -> 2.4.0"], **AFTER_A}


def test_an_edited_source_file_is_named(project: Path) -> None:
    edited = "3" * 64 + TRAINING[64:]
    Path("artifacts/code/quantize/a").write_text(edited + SCHEMES)
    code_history.keep([(edited + SCHEMES).encode()])
    told = {"quantize@a": ["code of edgebake/training/loop.py"], **AFTER_A}
    assert _told(_explain()) == told


def test_code_whose_earlier_digest_was_not_kept_is_named_without_files(project: Path) -> None:
    Path("artifacts/code/quantize/a").write_text(SCHEMES)
    shutil.rmtree(code_history.FOLDER)
    assert _told(_explain()) == {"quantize@a": ["its code"], **AFTER_A}


def test_an_edited_data_file_is_named_and_reaches_all_that_read_it(project: Path) -> None:
    Path("raw.txt").write_text("other pixels")
    assert _told(_explain()) == {
        "data@digits": ["raw.txt: modified"],
        "quantize@a": ["after data@digits"],
        "quantize@b": ["after data@digits"],
        "validate@a": ["after quantize@a"],
        "validate@b": ["after quantize@b"],
        "package": ["after validate@a", "after validate@b"],
    }


def test_another_commit_and_a_device_that_was_not_reached_are_named(project: Path) -> None:
    Path("artifacts/revision/linux.json").write_text('{"commit": 1}')
    Path("artifacts/attempts/linux/b").write_text("1\n")
    assert _told(_explain()) == {
        "validate@b": ["its device was not reached the last time"],
        "package": ["the commit, or what differs from it", "after validate@b"],
    }


def test_a_new_variant_has_not_run_yet(project: Path) -> None:
    text = _params().replace("validate:", "  c: {data: digits, samples: 7, tools: {}}\nvalidate:")
    Path("params.yaml").write_text(text)
    digest = Path("artifacts/code/quantize/c")
    digest.write_text(SCHEMES)
    assert _told(_explain()) == {"quantize@c": ["it has not run yet"]}


def test_a_missing_output_is_restored_and_changes_nothing_behind_it(project: Path) -> None:
    Path("artifacts/quantize/a").unlink()
    (each,) = _explain()
    assert each.fate is Fate.RESTORED
    assert _told([each]) == {"quantize@a": ["its output artifacts/quantize/a: deleted"]}


def test_a_value_set_back_is_restored_from_the_run_cache(project: Path) -> None:
    Path("params.yaml").write_text(_params(samples=150))
    Path("raw.txt").write_text("other pixels")  # so that the outputs are others, too
    _build()
    Path("params.yaml").write_text(_params())
    explanations = _explain()
    fates = {each.task.name: each.fate for each in explanations}
    assert fates == {"quantize@a": Fate.RUNS, "validate@a": Fate.RUNS, "package": Fate.RUNS}
    Path("raw.txt").write_text("pixels")
    explanations = _explain()
    assert _told(explanations)["data@digits"] == ["raw.txt: modified"]
    fates = {each.task.name: each.fate for each in explanations}
    assert fates.pop("data@digits") is Fate.RESTORED
    assert set(fates.values()) == {Fate.FOLLOWS, Fate.RUNS}
    assert fates["quantize@b"] is Fate.FOLLOWS
