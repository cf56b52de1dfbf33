"""Digest the code of each variant of the project's own plan.

tests/test_edited_code.py does the same with DVC.
"""

import shutil
from contextlib import chdir
from pathlib import Path

import pytest

from edgebake.errors import PlanError
from edgebake.plan import code_digest, source_files
from edgebake.plan.code_digest import CodeChange
from edgebake.plan.import_closure import named_plugins
from edgebake.recipe.stage_params import Plan

# A plugin whose functions each import a helper of their own: all but `_nothing` are imported.
REACHING = """\
def of_a_constant(): from plugins.sources import _constant
def of_a_default(): from plugins.sources import _default
def of_a_decorator(): from plugins.sources import _decorator
def of_nothing_at_all(): from plugins.sources import _nothing


SHADES = of_a_constant()


class Reader:
    def __init__(self): from plugins.sources import _special


@of_a_decorator
def called_by_nobody_here(size=of_a_default()): of_nothing_at_all()


def load(data): return Reader()
"""
PACKAGE = source_files.PACKAGE
NAME = PACKAGE.name


@pytest.fixture(scope="module")
def digested(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Path:
    """A folder with a copy of the package and its digests, and nothing else."""
    folder = tmp_path_factory.mktemp("digested")
    shutil.copytree(PACKAGE, folder / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    with chdir(folder), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(source_files, "PACKAGE", folder / NAME)
        assert changed(planned) == {}
    return folder


@pytest.fixture
def package(tmp_path: Path, digested: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package with its digests, to edit; the test runs in its folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digested, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(source_files, "PACKAGE", tmp_path / NAME)
    return tmp_path / NAME


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def changed(planned: Plan) -> dict[str, tuple[str, ...]]:
    return {change.variant: change.files for change in code_digest.write(planned)}


def test_an_edit_of_words_changes_no_digest_and_an_edit_of_code_those_that_reach_it(
    package: Path, planned: Plan
) -> None:
    assert changed(planned) == {}
    trainer = package / "training/loop.py"
    edit(trainer, '"""', '"""Say it otherwise. ')
    trainer.write_text(trainer.read_text() + "\n# a comment\n")
    assert changed(planned) == {}
    trainer.write_text(trainer.read_text() + "\nCHANGED = True\n")
    stages = {variant.partition(".")[0] for variant in changed(planned)}
    assert stages == {"train", "prune", "baseline", "quantize"}
    assert changed(planned) == {}


def test_a_change_names_the_module(package: Path, planned: Plan) -> None:
    (package / "models/architectures/ds_cnn.py").write_text("EMPTY = True\n")
    assert [str(change) for change in code_digest.write(planned)] == [
        f"  train.digits-ds_cnn: code of {NAME}/models/architectures/ds_cnn.py"
    ]


def test_many_changed_files_are_counted() -> None:
    assert str(CodeChange("train.a", ("1.py", "2.py", "3.py", "4.py", "5.py"))) == (
        "  train.a: code of 1.py, 2.py, 3.py and 2 more files"
    )


@pytest.mark.parametrize(
    ("file", "reaching"),
    [
        ("runtimes/coreml/executor/operators/pool.py", ["convert", "validate"]),
        ("compression/pruning/methods/magnitude.py", []),  # no target of the release prunes so
        ("models/architectures/mobilenet_v2.py", []),
        ("evaluation/devices/ssh.py", []),
        ("recipe/train.py", []),  # declared, and in the parameters
        ("errors.py", []),
        (
            "data/sources/digits.py",
            ["baseline", "convert", "data", "proof", "prune", "quantize", "train", "validate"],
        ),
        (
            "models/importers/compute_operators.yaml",
            ["baseline", "convert", "prune", "quantize", "train"],
        ),
        ("runtimes/delegates/litert_gpu.yaml", ["package", "validate"]),
        ("bundle/manifest.schema.json", ["package", "proof"]),
        ("bundle/manifest2.schema.json", ["package", "proof"]),
        ("bundle/samples/Classifier.kt", ["package"]),
        ("tasks/inputs/image/app/ImageSteps.kt", ["package"]),
        # Every target of the release takes images; `proof` reads the data of others too.
        ("tasks/inputs/audio/steps.py", ["proof"]),
        ("stages/parity.py", ["parity"]),
    ],
)
def test_files_reach_the_stages_that_run_them(
    package: Path, planned: Plan, file: str, reaching: list[str]
) -> None:
    with (package / file).open("a") as content:
        content.write("\nCHANGED = 1\n" if file.endswith(".py") else "\n")
    stages = {variant.partition(".")[0] for variant in changed(planned)}
    assert sorted(stages) == reaching


def test_a_runtime_reaches_its_own_variants_alone(package: Path, planned: Plan) -> None:
    (package / "runtimes/onnxruntime/quantizer.py").write_text("CHANGED = 1\n")
    variants = [variant for variant in changed(planned) if variant.startswith("convert.")]
    assert variants
    assert all(variant.endswith("-onnxruntime") for variant in variants)


def test_a_new_scheme_builds_nothing_again(package: Path, planned: Plan) -> None:
    (package / "runtimes/litert/encoders/ternary.py").write_text('SCHEMES = ("ternary",)\n')
    with (package / "compression/quantization/schemes.py").open("a") as table:
        table.write('SCHEMES["ternary"] = Scheme("int8", "float32", arithmetic="float32")\n')
    assert changed(planned) == {}


def test_an_encoder_reaches_the_variants_of_its_schemes_alone(package: Path, planned: Plan) -> None:
    (package / "runtimes/litert/encoders/integer.py").write_text("CHANGED = 1\n")
    assert set(changed(planned)) == {
        "convert.digits-ds_cnn-int8-litert",
        "convert.digits-ds_cnn-channels-int8-litert",
    }


def test_how_files_are_written_reaches_no_measurement(package: Path, planned: Plan) -> None:
    (package / "runtimes/litert/convert.py").write_text("CHANGED = 1\n")
    assert {variant.partition(".")[0] for variant in changed(planned)} == {"convert"}


def test_sample_code_counts_with_its_comments_since_it_ships_as_text(
    package: Path, planned: Plan
) -> None:
    for file in (
        "bundle/samples/classify.py",
        "tasks/postprocess.py",
        "tasks/inputs/image/steps.py",
        "tasks/resize.py",
    ):
        with (package / file).open("a") as content:
            content.write("# a comment\n")
        assert {variant.partition(".")[0] for variant in changed(planned)} == {"package"}, file


def test_a_license_text_of_the_project_counts_for_bundles_alone(
    package: Path, planned: Plan
) -> None:
    texts = Path("LICENSES")
    texts.mkdir()
    (texts / "MIT.txt").write_text("In other words.\n")
    found = changed(planned)
    assert {variant.partition(".")[0] for variant in found} == {"package"}
    assert set(found.values()) == {("LICENSES/MIT.txt", f"{NAME}/LICENSES/MIT.txt")}


def test_a_plugin_of_the_project_counts_in_place_of_ours_with_its_helpers(
    package: Path, planned: Plan
) -> None:
    sources = Path("plugins/sources")
    sources.mkdir(parents=True)
    (sources / "digits.py").write_text("def load(data):\n    from plugins.sources import _pixels\n")
    (sources / "_pixels.py").write_text("SIZE = 7\n")
    ours, own = (
        f"{NAME}/data/sources/digits.py",
        {"plugins/sources/_pixels.py", "plugins/sources/digits.py"},
    )
    assert {ours, *own} <= set(changed(planned)["data.digits"])
    listed = (code_digest.FOLDER / "data/digits").read_text()
    assert ours not in listed
    assert all(file in listed for file in own)
    (sources / "_pixels.py").write_text("SIZE = 8\n")
    assert changed(planned)["data.digits"] == ("plugins/sources/_pixels.py",)


def test_an_import_inside_a_function_counts_wherever_the_function_is_used(
    package: Path, planned: Plan
) -> None:
    sources = Path("plugins/sources")
    sources.mkdir(parents=True)
    (sources / "digits.py").write_text(REACHING)
    helpers = ("_constant", "_default", "_decorator", "_nothing", "_special")
    for helper in helpers:
        (sources / f"{helper}.py").write_text("")
    changed(planned)
    listed = (code_digest.FOLDER / "data/digits").read_text()
    reached = [helper for helper in helpers if f"plugins/sources/{helper}.py" in listed]
    assert reached == ["_constant", "_default", "_decorator", "_special"]


def test_digest_files_of_variants_that_are_gone_are_removed(package: Path, planned: Plan) -> None:
    stale = code_digest.FOLDER / "train" / "gone"
    stale.write_text("")
    changed(planned)
    assert not stale.exists()


def test_a_damaged_cache_is_read_again(package: Path, planned: Plan) -> None:
    source_files.CACHE.write_text(source_files.CACHE.read_text()[:-9])
    assert changed(planned) == {}


def test_a_stage_that_imports_what_is_not_listed_is_refused(package: Path, planned: Plan) -> None:
    code_digest.refuse_unlisted(
        "data", "digits", [f"{NAME}.data.splits", f"{NAME}.recipe", "numpy", f"{NAME}.errors"]
    )
    with pytest.raises(PlanError) as caught:
        code_digest.refuse_unlisted("data", "digits", [f"{NAME}.training.loop"])
    assert str(caught.value) == (
        f"artifacts/code/data/digits: does not list {NAME}/training/loop.py, which data "
        "digits has imported; "
        "expected every import to be an import statement, or a call of edgebake's "
        "`plugins` with a constant key"
    )


def test_plugins_are_those_that_the_parameters_name() -> None:
    assert named_plugins({"source": "digits"}, "data.source") == ["digits"]
    assert named_plugins({"data": {"source": "npz"}}, "data.source") == ["npz"]
    runtimes = {"runtime": "coreml", "reference_runtime": "litert"}
    assert named_plugins(runtimes, "convert.runtime") == ["coreml", "litert"]
    assert named_plugins({"calibration": {"method": "mse"}}, "quantize.calibration.method") == [
        "mse"
    ]
    assert named_plugins({"method": "mse"}, "quantize.calibration.method") == [
        *("entropy", "min_max", "moving_average", "mse", "percentile")
    ]
    assert named_plugins({"calibration": None}, "quantize.calibration.method") == []
