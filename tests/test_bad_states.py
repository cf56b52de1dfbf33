"""Valid recipes on a damaged disk or an unsuitable machine: each state and its exact message."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from edgebake import artifacts
from edgebake.cli.main import main
from edgebake.plan import planner
from tests import other_system
from tests.builds import ROOT

VARIANT = "digits-ds_cnn"


@pytest.fixture(scope="module")
def planned_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that `edgebake plan` was run in; to be copied, not edited."""
    folder = tmp_path_factory.mktemp("planned")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    shutil.copy(ROOT / "dvc.yaml", folder)
    with chdir(folder):
        assert main(["plan"]) == 0
    return folder


@pytest.fixture
def with_plan(planned_project: Path, project: Path) -> Path:
    """A planned project, to edit; the test runs in it."""
    shutil.copytree(planned_project, project, dirs_exist_ok=True)
    return project


@pytest.fixture
def trained(with_plan: Path) -> Path:
    """A planned project with 900 kB that stand for a trained model."""
    with artifacts.publish(artifacts.folder("train", VARIANT)) as out:
        (out / "model.keras").write_bytes(bytes(900_000))
        (out / "contract.json").write_text("{}")
    return with_plan


ErrorOf = Callable[..., str]  # from the arguments of `edgebake` to its error message


@pytest.fixture
def error_of(capsys: pytest.CaptureFixture[str]) -> ErrorOf:
    """A function that runs a verb, which must fail with exit code 1, and returns its message."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 1
        message = capsys.readouterr().err.strip()
        assert "Traceback" not in message
        return message.removeprefix("edgebake: ")

    return run


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    if sys.platform != "linux":
        other_system.skip("only Linux has tmpfs")
    as_root = []
    if os.geteuid() != 0:
        as_root = ["sudo", "--non-interactive"]  # works without a password on GitHub's runners
    if as_root and not shutil.which("sudo"):
        pytest.skip("only root may mount the small or read-only disk of this test")
    folder.mkdir(parents=True, exist_ok=True)
    owned = f"{options},uid={os.getuid()}"
    done = subprocess.run(
        [*as_root, "mount", "-t", "tmpfs", "-o", owned, "tmpfs", str(folder)], check=False
    )
    if done.returncode != 0:
        pytest.skip("this machine does not let us mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run([*as_root, "umount", str(folder)], check=True)


def test_a_full_disk(trained: Path, error_of: ErrorOf) -> None:
    files = artifacts.read_files(trained / "artifacts/train")
    with mounted(trained / "artifacts", "size=1200k"):
        artifacts.write_files(trained / "artifacts/train", files)
        assert error_of("prune", VARIANT) == (
            f"artifacts/prune/{VARIANT}: No space left on device; "
            "expected free space: delete files and run again"
        )
        assert not (trained / "artifacts/prune" / VARIANT).exists()
        assert list((trained / "artifacts/.partial").iterdir()) == []


def test_a_read_only_artifacts_folder(trained: Path, error_of: ErrorOf) -> None:
    with mounted(trained / "artifacts", "ro"):
        assert error_of("prune", VARIANT) == (
            "artifacts/prune: Read-only file system; expected that you may read and write it"
        )


def test_a_stage_before_that_has_not_run(with_plan: Path, error_of: ErrorOf) -> None:
    assert (
        error_of("prune", VARIANT)
        == f"artifacts/train/{VARIANT}: not found; the stage train writes it: run `dvc repro`"
    )
    assert not (with_plan / "artifacts/prune" / VARIANT).exists()


@pytest.mark.usefixtures("with_plan")
def test_gates_of_what_was_not_measured_yet(error_of: ErrorOf) -> None:
    assert error_of("gate", "pixel_8") == (
        f"artifacts/validate/android/{VARIANT}-int8-litert-android: not found; "
        "the stage validate writes it: run `dvc repro`"
    )


@pytest.mark.usefixtures("with_plan")
def test_gates_of_another_model_than_the_one_that_was_measured(error_of: ErrorOf) -> None:
    assert error_of("gate", "pixel_8", "train.epochs=31") == (
        "pixel_8: its recipe differs from params.yaml in more than its gates; "
        "expected the recipe that was measured: run `edgebake build`"
    )


def test_a_damaged_artifact(trained: Path, error_of: ErrorOf) -> None:
    damaged = trained / f"artifacts/train/{VARIANT}/model.keras"
    damaged.write_bytes(bytes(899_999) + b"\1")
    assert error_of("prune", VARIANT) == (
        f"artifacts/train/{VARIANT}/model.keras: not what train wrote: "
        "its sha256 is not the one in SHA256SUMS; "
        f"expected an intact copy: `rm -r artifacts/train/{VARIANT}`, then `dvc repro`; if the "
        "same file comes back, it is in DVC's cache, which `dvc cache dir` names: remove it there "
        "too"
    )


def test_params_with_an_unknown_key(trained: Path, error_of: ErrorOf) -> None:
    _edit(trained / "params.yaml", "method: none", "methods: none")
    assert error_of("prune", VARIANT) == (
        f"params.yaml: prune.{VARIANT}: methods: unknown key; expected one of: bits, "
        "data, data_file, examples, fine_tune, floor, format, keep, method, multiple, pattern, "
        "per_channel, ramp, score, sparsity, steps, target, "
        "task, teacher, tools, train; "
        "did you mean 'method'?"
    )


def test_params_with_a_value_of_the_wrong_type(trained: Path, error_of: ErrorOf) -> None:
    _edit(trained / "params.yaml", "epochs: 30", "epochs: thirty")
    assert (
        error_of("train", VARIANT)
        == f"params.yaml: train.{VARIANT}: epochs: 'thirty'; expected a whole number"
    )


def test_params_that_are_not_yaml(trained: Path, error_of: ErrorOf) -> None:
    (trained / "params.yaml").write_text("train: [\n")
    assert error_of("prune", VARIANT) == (
        "params.yaml: line 2: not YAML: a value is missing; expected one, or `null`: "
        "run `edgebake plan`"
    )


@pytest.mark.parametrize("text", ["data: [a]\n", "data:\n", "data: {x: hello}\n", "prune: {}\n"])
def test_params_without_sections(trained: Path, error_of: ErrorOf, text: str) -> None:
    (trained / "params.yaml").write_text(text)
    expected = "expected a mapping from variant to parameters: run `edgebake plan`"
    assert error_of("train", VARIANT) == f"params.yaml: data: not a plan; {expected}"
    assert error_of("table") == f"params.yaml: data: not a plan; {expected}"


def test_a_name_that_cannot_be_part_of_a_variant(project: Path, error_of: ErrorOf) -> None:
    (project / "recipes/quantize/int8.yaml").rename(project / "recipes/quantize/int8.v2.yaml")
    _edit(project / "recipes/target/pixel_8.yaml", "quantize: int8", "quantize: int8.v2")
    assert error_of("show", "pixel_8") == (
        "recipes/quantize/int8.v2.yaml: the name 'int8.v2' cannot be part of a variant's; "
        "expected only letters, digits and _"
    )


@pytest.mark.parametrize("line", ["epochs: ${nope}", "epochs: null"])
def test_values_that_are_none(project: Path, error_of: ErrorOf, line: str) -> None:
    _edit(project / "recipes/train/scratch.yaml", "epochs: 30", line)
    assert "train.epochs: " in error_of("show", "pixel_8")


def test_a_variant_that_the_plan_does_not_have(trained: Path, error_of: ErrorOf) -> None:
    assert error_of("train", "digits-dscnn") == (
        "params.yaml: train.digits-dscnn: no such variant; "
        f"expected one of: {VARIANT}; did you mean '{VARIANT}'?"
    )


def test_a_stale_plan(trained: Path, error_of: ErrorOf) -> None:
    _edit(trained / "recipes/train/scratch.yaml", "epochs: 30", "epochs: 31")
    complaint = error_of("plan", "--check").splitlines()
    assert complaint[:2] == [
        "params.yaml: out of date; run `edgebake plan` and commit it:",
        f"  train.{VARIANT}.epochs: 30 -> 31",
    ]
    assert "epochs: 30" in (trained / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("content", "fault"),
    [("", "incomplete (required key not provided @ data['schema'])"), ("\0", "not YAML (")],
)
def test_a_lock_file_that_a_kill_left_half_written(
    trained: Path, capsys: pytest.CaptureFixture[str], content: str, fault: str
) -> None:
    (trained / "dvc.lock").write_text(content)
    assert main(["plan"]) == 0
    first_line = capsys.readouterr().out.splitlines()[0]
    assert first_line.startswith(f"dvc.lock: {fault}")
    assert first_line.endswith(
        "; moved to .dvc/tmp/dvc.lock.unreadable: DVC looks for the outputs in its run cache"
    )
    assert not (trained / "dvc.lock").exists()


@pytest.mark.parametrize("cut", range(0, 100, 33))
def test_a_plan_that_was_cut_is_written_anew(trained: Path, cut: int) -> None:
    plan = (trained / "params.yaml").read_bytes()
    (trained / "params.yaml").write_bytes(plan[: len(plan) * cut // 100])
    planner.update()
    assert (trained / "params.yaml").read_bytes() == plan


def test_a_plan_edited_by_hand(trained: Path, error_of: ErrorOf) -> None:
    _edit(trained / "params.yaml", "batch_size: 32", "batch_size: 64")
    assert error_of("plan", "--check").splitlines() == [
        "params.yaml: out of date; run `edgebake plan` and commit it:",
        f"  train.{VARIANT}.batch_size: 64 -> 32",
    ]


def test_a_folder_without_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        error_of("plan")
        == f"{tmp_path}: no recipes/release.yaml; expected to be run in the project's top folder"
    )


def test_no_git(project: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf) -> None:
    monkeypatch.setenv("PATH", str(project))
    expected = "git: not found; expected it on PATH: a bundle names the commit it is built from"
    assert error_of("build") == expected
    assert error_of("revision") == expected


def test_no_git_repository(
    project: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert error_of("build") == (
        "git rev-parse: fatal: not a git repository (or any of the parent directories): .git\n"
        "expected git to work in this folder's repository: a bundle names a commit of it"
    )


def test_no_dvc_project(project: Path, error_of: ErrorOf) -> None:
    _repository()
    assert error_of("build") == "dvc: no .dvc/ here; expected a DVC project: run `dvc init`"


def test_no_dvc_project_in_a_sub_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf
) -> None:
    _repository()
    inner = project / "inner"
    shutil.copytree(project / "recipes", inner / "recipes")
    monkeypatch.chdir(inner)
    assert error_of("build") == (
        "dvc: no .dvc/ here; expected a DVC project: run `dvc init --subdir`"
    )


def _repository() -> None:
    for command in (
        ["init", "--quiet"],
        ["commit", "--quiet", "--allow-empty", "--message", "Empty"],
    ):
        subprocess.run(
            ["git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *command], check=True
        )


def test_no_dvc(project: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf) -> None:
    _repository()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert (
        error_of("build") == "dvc: not installed; expected it in this environment: run `make setup`"
    )


def test_a_tool_that_is_not_installed(trained: Path, error_of: ErrorOf) -> None:
    _edit(trained / "params.yaml", "    tools: {}\n", "    tools: { no-such-tool: 1.0.0 }\n")
    expected = "no-such-tool: not installed; expected it in this environment: run `make setup`"
    assert error_of("prune", VARIANT) == expected


def test_an_empty_image_folder(images: Path, error_of: ErrorOf) -> None:
    shutil.rmtree(images)
    images.mkdir()
    assert error_of("check").splitlines()[0] == (
        "recipes/data/image_folder.yaml: data.path: data/images: no images; "
        "expected one sub-folder per class with .bmp, .jpeg, .jpg, .png, .webp files"
    )


def test_a_class_without_images(images: Path, error_of: ErrorOf) -> None:
    (images / "unicorn").mkdir()
    assert error_of("check").splitlines()[0] == (
        "recipes/data/image_folder.yaml: data.path: data/images/unicorn: no images; "
        "expected .bmp, .jpeg, .jpg, .png, .webp files of the class 'unicorn'"
    )


def test_a_corrupt_image(images: Path, error_of: ErrorOf) -> None:
    (images / "dark/3.png").write_bytes(b"not a picture")
    assert main(["plan"]) == 0
    assert error_of("data", "image_folder") == (
        "data/images/dark/3.png: not an image that can be read "
        "(a text; expected JPEG, PNG, BMP or WebP); "
        "repair or remove it, or set `on_corrupt: skip`"
    )
    assert not Path("artifacts/data/image_folder").exists()


def test_a_picture_in_two_splits(images: Path, error_of: ErrorOf) -> None:
    for number in range(20):
        shutil.copy(images / "dark/0.png", images / f"dark/copy_{number}.png")
    assert main(["plan"]) == 0
    complaint = error_of("data", "image_folder")
    assert complaint.startswith(
        "data/images: 1 examples lie in more than one split; expected each in only one: "
    )
    assert "dark/0.png (" in complaint


def test_no_stage_before_the_data_were_looked_at(images: Path, error_of: ErrorOf) -> None:
    assert main(["plan"]) == 0
    assert error_of("train", "image_folder-ds_cnn") == (
        "artifacts/data/image_folder: not found; the stage data writes it: run `dvc repro`"
    )


@pytest.fixture
def images(project: Path) -> Path:
    """A project whose targets learn from forty small pictures, dark ones and light ones."""
    folder = project / "data/images"
    for name, level in (("dark", 10), ("light", 240)):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(np.full((8, 8 + number), level, np.uint8)).save(
                folder / name / f"{number}.png"
            )
    _edit(project / "recipes/recipe.yaml", "data: digits", "data: image_folder")
    _edit(project / "recipes/quantize/int8.yaml", "samples: 100", "samples: 4")
    for word in ("name", "author", "license", "source"):
        _edit(project / "recipes/data/image_folder.yaml", f"{word}: ???", f"{word}: MIT")
    budget = project / "recipes/validate/realtime.yaml"  # a few pictures prove none of these
    for limit in ("at_least: 0.95", "at_most: 0.02"):
        _edit(budget, limit, f"inconclusive: passes, {limit}")
    _edit(budget, "    margin: 0.02", "    inconclusive: passes\n    margin: 0.02")
    release = project / "recipes/release.yaml"
    content = yaml.safe_load(release.read_text())
    unstated = {"intended_use": ["Not stated."], "limits": ["Not stated."]}
    content |= {"name": "pictures", "author": "Ada", "description": "Not stated.", "card": unstated}
    release.write_text(yaml.safe_dump(content))
    return folder


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
