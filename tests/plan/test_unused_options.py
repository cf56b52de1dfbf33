"""`edgebake check` looks at options that no target picks, too."""

from pathlib import Path

import pytest

from edgebake.cli.main import main
from tests.builds import edit


@pytest.mark.parametrize(
    "case",
    [
        (
            "quantize/int8_qat.yaml",
            "epochs: 10",
            "epochs: 0",
            "quantize.qat.epochs: 0; expected 1 or more",
        ),
        (
            "quantize/palettized.yaml",
            "scheme: palettized",
            "scheme: paletted",
            "quantize.scheme: no scheme 'paletted'; expected one of",
        ),
        (
            "data/image_folder.yaml",
            "train: 0.6",
            "train: 0.7",
            "data.splits: the shares add up to 1.1; expected 1",
        ),
        (
            "model/mobilenet_v2.yaml",
            "resolution: ",
            "resolution: 1 #",
            "model.resolution: 1; mobilenet_v2 expects 32 or more",
        ),
        (
            "train/distill.yaml",
            "alpha: 0.3",
            "alpha: much",
            "train.distill.alpha: 'much'; expected a number",
        ),
        ("prune/cluster.yaml", "bits: 4", "bits: 9", "prune.bits: 9; expected 1 to 8"),
        ("prune/cluster.yaml", "method: cluster", "method:", "prune.method: null; expected a text"),
        (
            "prune/cluster.yaml",
            "bits: 4",
            "bits: 4\nbit: 4",
            "prune.bit: unknown key; expected one of",
        ),
    ],
)
def test_a_fault_of_an_option_that_no_target_picks(
    project: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, str, str, str]
) -> None:
    file, old, new, message = case
    edit(project / "recipes" / file, old, new)
    assert main(["check"]) == 1
    assert capsys.readouterr().err.startswith(f"edgebake: recipes/{file}: {message}")


def test_smoothing_that_no_target_picks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    option = project / "recipes/package/own.yaml"
    option.write_text("defaults: [bundle, _self_]\nsmooth: { over: 0, hold: 2 }\n")
    assert main(["check"]) == 1
    expected = "package.smooth.over: 0; expected 1 to 1,000 clips"
    assert capsys.readouterr().err.strip() == f"edgebake: recipes/package/own.yaml: {expected}"


def test_a_folder_that_is_no_group(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project / "recipes/quantise"
    folder.mkdir()
    (folder / "int8.yaml").write_text("scheme: int8\n")
    assert main(["check"]) == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: recipes/quantise/int8.yaml: no group 'quantise'; expected one of: convert, "
        "data, device, model, package, prune, quantize, task, train, validate; did you mean "
        "'quantize'?"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a;b.yaml",
            "recipes/quantize/a;b.yaml: the name 'a;b' cannot be part of a variant's; "
            "expected only letters, digits and _",
        ),
        ("folder.yaml", "recipes/quantize/folder.yaml: a folder; expected a YAML file"),
        ("loop.yaml", "recipes/quantize/loop.yaml: not found; expected a YAML file"),
    ],
)
def test_odd_files(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    file = project / "recipes/quantize" / name
    if name.startswith("folder"):
        file.mkdir()
    elif name.startswith("loop"):
        file.symlink_to(file)
    else:
        file.write_text("scheme: none\n")
    assert main(["check"]) == 1
    assert capsys.readouterr().err.strip() == f"edgebake: {message}"
