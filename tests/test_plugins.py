"""Plugins of a project: how they are found, how they import each other, and their mistakes."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake import plugins
from edgebake.bundle.trust import file_types
from edgebake.cli.main import main
from edgebake.errors import ProofError, RecipeError
from edgebake.runtimes import session_process
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples
from edgebake.runtimes.session_process import SessionFile
from tests import builds

SOURCE = """\
TOOLS = ()


def count(data): return {"": 3}


def columns(data): return []


def load(data): raise NotImplementedError
"""
RUNTIME = (builds.ROOT / "tests/matmul_runtime.py").read_text()
MODEL = "models/digits-matmul.npz"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder plugins/ of an empty project, in which the test runs; not on Python's path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    return tmp_path / "plugins"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def refusal(key: str, name: str) -> str:
    with pytest.raises(RecipeError) as caught:
        plugins.load(key, name)
    return str(caught.value)


def test_every_key_of_a_project_names_a_folder_of_ours_too() -> None:
    assert set(plugins.PROJECT_FOLDERS) < set(plugins.FOLDERS)
    assert set(plugins.REQUIRED) == set(plugins.PROJECT_FOLDERS)


@pytest.mark.parametrize(
    "key", [key for key in plugins.PROJECT_FOLDERS if key != "convert.runtime"]
)
def test_what_is_required_of_a_project_our_own_plugins_have(key: str) -> None:
    for name in plugins.options(key):
        if name not in ("import", "none"):  # which stand for nothing to build and nothing to cut
            assert set(plugins.REQUIRED[key]) <= vars(plugins.load(key, name)).keys(), name


def test_a_module_and_a_folder_are_plugins_and_a_helper_is_none(folder: Path) -> None:
    write(folder / "sources/mine.py", SOURCE)
    write(folder / "sources/other/__init__.py", SOURCE)
    write(folder / "sources/_pixels.py", "")
    write(folder / "sources/notes/readme.txt", "")
    assert plugins.names_in_project("data.source") == ["mine", "other"]
    assert plugins.load("data.source", "mine").count(None) == {"": 3}
    assert plugins.load("data.source", "other").__name__ == "plugins.sources.other"
    assert "digits" in plugins.options("data.source")


def test_the_projects_plugin_comes_before_ours(folder: Path) -> None:
    ours = plugins.load("data.source", "digits")
    write(folder / "sources/digits.py", SOURCE)
    assert plugins.module_name("data.source", "digits") == "plugins.sources.digits"
    assert plugins.load("data.source", "digits") is not ours
    assert plugins.options("data.source").count("digits") == 1


def test_plugins_import_each_other_without_a_package_file_and_off_the_path(folder: Path) -> None:
    write(folder / "shared.py", "SIZE = 7")
    write(folder / "sources/_pixels.py", "from plugins import shared\nSIZE = shared.SIZE\n")
    write(
        folder / "sources/mine.py",
        f"from plugins.sources import _pixels\nfrom . import _pixels as same\n{SOURCE}",
    )
    module = plugins.load("data.source", "mine")
    assert module._pixels.SIZE == 7
    assert module.same is module._pixels


def test_a_package_file_of_the_project_runs(folder: Path) -> None:
    write(folder / "__init__.py", "SIZE = 5\n")
    write(folder / "sources/mine.py", f"from plugins import SIZE\n{SOURCE}")
    assert plugins.load("data.source", "mine").SIZE == 5


def test_an_installed_package_called_plugins_does_not_win(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = tmp_path / "site"
    write(stray / "plugins/__init__.py", "STRAY = True\n")
    write(stray / "plugins/sources/__init__.py", "")
    write(stray / "plugins/sources/_pixels.py", "raise RuntimeError('stray')\n")
    monkeypatch.syspath_prepend(stray)
    monkeypatch.delitem(sys.modules, "plugins", raising=False)
    __import__("plugins.sources")  # as another package may have done
    write(folder / "sources/_pixels.py", "SIZE = 7\n")
    write(folder / "sources/mine.py", f"from plugins.sources import _pixels\n{SOURCE}")
    assert plugins.load("data.source", "mine")._pixels.SIZE == 7


def test_each_project_has_its_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "sources/mine.py", f"PLACE = 'first'\n{SOURCE}")
    write(tmp_path / "second/plugins/sources/mine.py", f"PLACE = 'second'\n{SOURCE}")
    assert plugins.load("data.source", "mine").PLACE == "first"
    monkeypatch.chdir("second")
    assert plugins.load("data.source", "mine").PLACE == "second"


def test_an_unknown_name_says_both_places_and_the_nearest(folder: Path) -> None:
    write(folder / "sources/pixel_table.py", SOURCE)
    known = ", ".join(plugins.options("data.source"))
    assert "pixel_table" in known
    assert refusal("data.source", "pixel_tabel") == (
        "data.source: no module plugins/sources/pixel_tabel or "
        f"edgebake/data/sources/pixel_tabel; expected one of: {known}; did you mean "
        "'pixel_table'?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "TOOLS = (\n",
            "plugins/sources/mine.py:1: SyntaxError: '(' was never closed; expected a "
            "plugin that runs",
        ),
        (
            "\nimport no_such_package.part\n",
            "plugins/sources/mine.py:2: ModuleNotFoundError: No module named "
            "'no_such_package'; expected the package "
            "no_such_package in this environment: install it",
        ),
        (
            "from plugins.sources import _missing\n",
            "plugins/sources/mine.py:1: ImportError: cannot import name '_missing' from "
            "'plugins.sources' "
            "(unknown location); expected a plugin that runs",
        ),
        (
            "\n\n1 / 0\n",
            "plugins/sources/mine.py:3: ZeroDivisionError: division by zero; expected a "
            "plugin that runs",
        ),
        (
            "raise SystemExit(0)\n",
            "plugins/sources/mine.py:1: SystemExit: 0; expected a plugin that runs",
        ),
        (
            SOURCE.replace("TOOLS", "TOOL").replace("count", "counts"),
            "plugins/sources/mine.py: no TOOLS, count; expected of a plugin for "
            "data.source: TOOLS, columns, count, "
            "load",
        ),
    ],
)
def test_a_plugin_that_does_not_import_is_named_with_its_line(
    folder: Path, text: str, message: str
) -> None:
    write(folder / "sources/mine.py", text)
    assert refusal("data.source", "mine") == message


def test_a_mistake_in_a_helper_is_the_helpers(folder: Path) -> None:
    write(folder / "sources/_pixels.py", "SIZE = 1\nSIZES = [SIZE\n")
    write(folder / "sources/mine.py", f"from plugins.sources import _pixels\n{SOURCE}")
    assert refusal("data.source", "mine") == (
        "plugins/sources/_pixels.py:2: SyntaxError: '[' was never closed; expected a "
        "plugin that runs"
    )


def test_a_plugin_that_fails_while_planning_ends_without_a_traceback(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project / "plugins/sources/digits.py", SOURCE.replace('{"": 3}', "data.no_such_field"))
    builds.edit(project / "recipes/data/digits.yaml", "path: null", "path: .")
    assert main(["check"]) == 1
    assert capsys.readouterr().err == (
        "edgebake: plugins/sources/digits.py:4: AttributeError: 'SourcedData' object has "
        "no attribute "
        "'no_such_field'; expected a plugin that runs\n"
    )


def test_a_plugin_is_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project / "plugins/sources/mine.py", SOURCE)
    write(project / "plugins/devices/bench.py", "def measure(job): ...\n")
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "plugin    plugins/sources/mine  (data.source)",
        "plugin    plugins/devices/bench  (validate.where)",
    ]


def begin_runtime(project: Path, text: str = RUNTIME) -> None:
    """Add a folder, a recipe and a device of a runtime, as in docs/guides/add_a_runtime.md."""
    write(project / "plugins/runtimes/matmul/__init__.py", text)
    write(project / "recipes/convert/matmul.yaml", "runtime: matmul\n")
    builds.edit(project / "recipes/device/linux_any.yaml", "runtimes: [", "runtimes: [matmul, ")
    target = (
        "# @package _global_\ndefaults:\n  - override /device: linux_any\n  - override "
        "/convert: matmul\n"
    )
    write(project / "recipes/target/multiplied.yaml", f"{target}  - override /validate: untimed\n")


def test_a_runtime_is_planned_without_a_word_of_ours(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_runtime(project)
    builds.edit(project / "recipes/release.yaml", "  - linux_any\n", "  - multiplied\n")
    assert main(["check"]) == 0
    assert "multiplied" in capsys.readouterr().out
    assert (
        main(
            [
                "show",
                "multiplied",
                "quantize=int8",
                "device=raspberry_pi_5",
                "device.runtimes=[matmul]",
            ]
        )
        == 1
    )
    assert capsys.readouterr().err == (
        "edgebake: recipes/target/multiplied.yaml: quantize: matmul cannot carry int8; "
        "expected one of: none\n"
    )


@pytest.mark.parametrize(
    ("timed_at", "expected"),
    [('("host",)', "one of host"), ("()", "a device of the project's own")],
)
def test_a_runtime_goes_with_the_places_that_it_names(
    project: Path, capsys: pytest.CaptureFixture[str], timed_at: str, expected: str
) -> None:
    begin_runtime(project, RUNTIME.replace('timed_at=("host",)', f"timed_at={timed_at}"))
    assert main(["show", "multiplied", "validate.where=mac"]) == 1
    assert capsys.readouterr().err.endswith(
        f"validate.where: mac: expected {expected} for matmul\n"
    )


def test_a_runtime_loads_a_session_and_says_what_is_in_a_file(folder: Path) -> None:
    write(folder / "runtimes/matmul/__init__.py", RUNTIME)
    written = io.BytesIO()
    np.savez(
        written,
        kernel=np.array([[0, 5], [5, 0], [0, 0], [0, 0]], np.float32),
        bias=np.zeros(2, np.float32),
    )
    runtime, files = load_runtime("matmul"), {"model.npz": written.getvalue()}
    session = runtime.load_session(files, 1)
    session.feed({"image": np.array([1, 0, 0, 0], np.float32).reshape(1, 2, 2, 1)})
    session.invoke()
    assert session.read()["probabilities"].argmax() == 1
    assert runtime.inspect_files(files).input.shape == [1, 2, 2, 1]
    assert runtime.strip_names(files) == files


def test_a_session_of_a_project_runs_in_a_child_process(folder: Path) -> None:
    write(folder / "runtimes/matmul/__init__.py", RUNTIME)
    written = io.BytesIO()
    np.savez(written, kernel=np.eye(4, 2, dtype=np.float32), bias=np.zeros(2, np.float32))
    images = np.eye(4, dtype=np.float32)[:2].reshape(2, 2, 2, 1)
    file = SessionFile.of_runtime("model.npz", "matmul", {"model.npz": written.getvalue()}, 1)
    outputs = session_process.predictions(file, NamedExamples({"image": images}))
    assert outputs["probabilities"].argmax(axis=1).tolist() == [0, 1]
    broken = SessionFile.of_runtime("model.npz", "matmul", {"model.npz": b"no file"}, 1)
    with pytest.raises(RecipeError, match=r"^plugins/runtimes/matmul/__init__\.py:\d+: "):
        session_process.predictions(broken, NamedExamples({"image": images}))


def bundled(folder: Path, content: bytes) -> Any:
    """Write a bundle with one model of `matmul`, and return the `kinds` of its manifest."""
    write(folder / MODEL, "")
    (folder / MODEL).write_bytes(content)
    return {"files": [{"path": MODEL}], "targets": {"first": {"runtime": "matmul", "model": MODEL}}}


def test_verifying_runs_no_plugin_unasked(folder: Path, tmp_path: Path) -> None:
    write(folder / "runtimes/matmul/__init__.py", "raise SystemExit('run')")
    content = bundled(tmp_path / "bundle", b"PK\x03\x04")
    with pytest.raises(
        ProofError, match=r"expected --plugins, in the project that has the runtime matmul$"
    ):
        file_types.check_file_types(tmp_path / "bundle", content)


def test_verifying_asks_a_runtime_how_its_files_begin(folder: Path, tmp_path: Path) -> None:
    write(folder / "runtimes/matmul/__init__.py", RUNTIME)
    known = file_types.project_file_types()
    content = bundled(tmp_path / "bundle", b"PK\x03\x04 and so on")
    assert (
        file_types.check_file_types(tmp_path / "bundle", content, known)
        == "models by their first bytes, no archive or program in them; plain texts; JSON"
    )
    bundled(tmp_path / "bundle", b"#!/bin/sh")
    with pytest.raises(ProofError, match=r"npz: does not begin like a model of this format$"):
        file_types.check_file_types(tmp_path / "bundle", content, known)
    code: Any = {"files": [{"path": "scripts/run.py"}], "targets": {}}
    with pytest.raises(
        ProofError, match=r"run\.py: not a type of file that a bundle contains in this folder$"
    ):
        file_types.check_file_types(tmp_path / "bundle", code, known)
