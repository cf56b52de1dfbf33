"""The layout of the package: one word per thing, and imports that point one way."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edgebake import plugins
from edgebake.cli import stages
from edgebake.recipe.stage_params import STAGE_PARAMS

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
WITH_VARIANTS = tuple(STAGE_PARAMS)
# Trains what `prune` is compared with, by the options of `prune`.
WITHOUT_RECIPES = ("baseline",)
SOURCES = sorted(path.relative_to(ROOT) for path in (ROOT / "pipeline/edgebake").rglob("*.py"))
# Imports point down this list, and nowhere else; names on one line do not import each other.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"execution", "delivery"},
    {"plan", "stages"},
    {"report"},
    {"bundle"},
    {"evaluation", "compression"},
    {"training"},
    {"runtimes"},
    {"data"},
    {"models"},
    {"tasks"},
    {"recipe"},
    {"child_process", "machine"},
    {"artifacts", "plugins", "measurement"},
    {"errors", "documents"},
    {"terminal"},
)

# In addition to plugins: modules that coremltools and ONNX Runtime generate, Keras' datasets in a
# process of their own, the user's examples.py, which DVC tracks as data, the stopwatch, which runs
# without edgebake, the parent watch, which runs DVC, and the processes of a build: libraries that
# their server imports before they are needed, and the command line.
IMPORTS_BY_NAME = (
    "pipeline/edgebake/plugins.py",
    "pipeline/edgebake/recipe/config_errors.py",
    "pipeline/edgebake/evaluation/latency/stopwatch.py",
    "pipeline/edgebake/data/sources/keras.py",
    "pipeline/edgebake/data/sources/python.py",
    "pipeline/edgebake/execution/cold_process.py",
    "pipeline/edgebake/execution/parent_watch.py",
    "pipeline/edgebake/execution/stage_process.py",
    "pipeline/edgebake/execution/warm_modules.py",
    "pipeline/edgebake/runtimes/coreml/schema.py",
    "pipeline/edgebake/runtimes/onnxruntime/ort_format.py",
)
USERS_OF_HYDRA = ("hydra_compose.py", "hydra_source.py", "overrides.py")
# The command line; a script and a process that pass arguments on; and the name under which DVC
# locks files.
READERS_OF_ARGV = (
    "pipeline/edgebake/cli/main.py",
    "pipeline/edgebake/execution/cold_process.py",
    "pipeline/edgebake/execution/dvc_repo.py",
    "pipeline/edgebake/execution/parent_watch.py",
    "pipeline/edgebake/execution/stage_process.py",
)
# The first two run alone on a device, as one file each.
LONG_FILES = (
    "pipeline/edgebake/bundle/samples/classify.py",
    "pipeline/edgebake/evaluation/latency/stopwatch.py",
)


def imports(source: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module and whether it is imported at the top of the file."""
    tree = ast.parse((ROOT / source).read_text())
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top
            yield from ((f"{node.module}.{alias.name}", id(node) in top) for alias in node.names)


def test_there_are_sources_to_look_at() -> None:
    assert len(SOURCES) > 50


def test_the_stages_with_variants_have_a_verb_each_in_the_same_order() -> None:
    assert stages.STAGES == WITH_VARIANTS


@pytest.mark.parametrize("stage", WITH_VARIANTS)
def test_a_stage_is_the_same_word_everywhere(stage: str) -> None:
    assert stage in STAGES
    assert stage in stages.STAGES
    assert (ROOT / "recipes" / stage).is_dir() is (stage not in WITHOUT_RECIPES)
    assert (ROOT / "pipeline/edgebake/stages" / f"{stage}.py").is_file()
    assert (ROOT / "tests" / "stages" / f"test_{stage}.py").is_file()
    assert f"python -m edgebake {stage} " in STAGES[stage]["do"]["cmd"]
    outs = [out if isinstance(out, str) else next(iter(out)) for out in STAGES[stage]["do"]["outs"]]
    assert all(out.startswith(f"artifacts/{stage}/") for out in outs)


@pytest.mark.parametrize("key", [key for key in plugins.FOLDERS if key != "model.format"])
def test_every_module_that_a_recipe_can_name_has_a_recipe_of_its_name(key: str) -> None:
    group = key.split(".", maxsplit=1)[0]
    options = plugins.options(key)
    assert options
    # The options of validate are budgets, and `where` names the device. The method of calibration
    # and the kind of the input are values within several options.
    if key not in ("validate.where", "quantize.calibration.method", "data.input.kind"):
        assert set(options) <= {path.stem for path in (ROOT / "recipes" / group).glob("*.yaml")}


def test_no_bundle_waits_for_a_baseline() -> None:
    for stage, definition in STAGES.items():
        deps = definition.get("do", definition).get("deps", [])
        assert [dep for dep in deps if "baseline" in dep and stage != "baseline"] == []


@pytest.mark.parametrize("stage", [*WITH_VARIANTS, "parity", "proof"])
def test_a_stage_depends_on_its_code_digest_and_names_no_source(stage: str) -> None:
    definition = STAGES[stage].get("do", STAGES[stage])
    digests = [dep for dep in definition["deps"] if dep.startswith("artifacts/code/")]
    assert digests == [
        f"artifacts/code/{stage}" if stage == "parity" else f"artifacts/code/{stage}/${{key}}"
    ]
    assert [dep for dep in definition["deps"] if dep.startswith("pipeline")] == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_modules_are_imported_by_name_through_plugins_alone(source: Path) -> None:
    """The code digest follows only import statements and calls of `plugins` with constant keys."""
    text = (ROOT / source).read_text()
    if str(source) not in IMPORTS_BY_NAME:
        assert not re.search(r"import_module|__import__|runpy", text)
    for call in re.findall(r"\bplugins\.load(?:_part|_all)?\(\s*(.*)", text):
        assert call.startswith('"'), call


def layer(room: str) -> int | None:
    """Return the line of LAYERS that a room, or a module beside the rooms, stands on."""
    return next((number for number, rooms in enumerate(LAYERS) if room in rooms), None)


def own_modules(source: Path) -> Iterator[str]:
    """Yield each edgebake module that a file imports.

    Imports at the top, in functions, for type checking and by name count.

    `plugins` finds modules by name for those who call it: the calls count, not its own text.
    """
    for node in ast.walk(ast.parse((ROOT / source).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("edgebake."))
        elif isinstance(node, ast.ImportFrom) and node.module == "edgebake":
            yield from (f"edgebake.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edgebake."):
            yield node.module or ""
        elif source.name == "plugins.py":
            continue
        elif isinstance(node, ast.Constant) and re.fullmatch(
            r"edgebake(\.[a-z_0-9]+)+\.?", str(node.value)
        ):
            yield str(node.value)
        elif isinstance(node, ast.Call):
            yield from plugin_folders(node)


def plugin_folders(call: ast.Call) -> Iterator[str]:
    """Yield the package in which `plugins.load("data.source", name)` and its like find a module."""
    function = call.func
    if (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "plugins"
    ):
        keys = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        folders = [
            plugins.FOLDERS[key] for key in keys if isinstance(key, str) and key in plugins.FOLDERS
        ]
        yield from (f"edgebake.{folder.replace('/', '.')}" for folder in folders)
        if function.attr == "load_stage":
            yield "edgebake.stages"


def test_no_line_of_the_layers_names_a_room_twice() -> None:
    rooms: list[str] = []
    for line in LAYERS:
        rooms += line
    assert len(rooms) == len(set(rooms))


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_module_has_a_room_and_imports_point_down(source: Path) -> None:
    room = source.relative_to("pipeline/edgebake").with_suffix("").parts[0]
    imported = {name.split(".")[1] for name in own_modules(source)} - {room}
    if room == "__init__":  # of the whole package
        assert imported == set()
        return
    own = layer(room)
    assert own is not None, f"{source}: expected a room of LAYERS; {room} is none"
    assert sorted(name for name in imported if (layer(name) or -1) <= own) == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_only_the_planner_imports_hydra_and_only_functions_import_tensorflow(source: Path) -> None:
    top_level_imports = [(name.split(".")[0], top) for name, top in imports(source)]
    if source.name not in USERS_OF_HYDRA:
        assert "hydra" not in {name for name, _ in top_level_imports}
    assert {name for name, top in top_level_imports if top} & {
        "tensorflow",
        "keras",
        "coremltools",
        "tf2onnx",
    } == set()


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_files_and_functions_stay_short(source: Path) -> None:
    text = (ROOT / source).read_text()
    if str(source) not in LONG_FILES:
        assert len(text.splitlines()) <= 300
    long = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1
            if lines > (60 if is_plain_list(node) else 40):
                long.append(node.name)
    assert long == []


def is_plain_list(function: ast.FunctionDef) -> bool:
    """Return whether a function is one step after the other, with at most one branch."""
    branches = [
        node for node in ast.walk(function) if isinstance(node, (ast.If, ast.For, ast.While))
    ]
    return len(branches) <= 1


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_only_the_command_line_reads_argv(source: Path) -> None:
    if str(source) not in READERS_OF_ARGV:
        assert "argv" not in (ROOT / source).read_text()


def sources_with(pattern: str) -> list[str]:
    """Return the sources whose text a pattern occurs in."""
    return [str(source) for source in SOURCES if re.search(pattern, (ROOT / source).read_text())]


def test_only_validate_reads_the_test_split() -> None:
    """Train may have the images alone, for predictions that nothing is fitted to (ADR 0004)."""
    assert sources_with(r"""read_split\(.*["']test["']""") == [
        "pipeline/edgebake/data/dataset.py",
        "pipeline/edgebake/stages/validate.py",
    ]
    assert sources_with(r"dataset\.read_test_inputs") == ["pipeline/edgebake/stages/train.py"]


def test_only_tasks_choose_among_classes() -> None:
    """A stage that takes the highest of a row takes its model for a classifier."""
    outside = []
    for source in sources_with(r"\bargmax\("):
        in_package = source.removeprefix("pipeline/edgebake/")
        if in_package != source and not in_package.startswith("tasks/"):
            outside.append(in_package)
    assert [name for name in outside if not name.startswith("runtimes/coreml/executor/")] == [
        "data/readers/array_checks.py",  # a message
        "runtimes/litert/bias_range.py",  # over the inputs of a channel
    ]


def test_planning_validating_and_packaging_never_import_tensorflow() -> None:
    modules = [
        "edgebake.plan.planner",
        "edgebake.execution.local",
        "edgebake.cli.table",
        "edgebake.stages.validate",
        "edgebake.stages.package",
    ]
    for name in plugins.options("convert.runtime"):
        for module in ("run", "workload", "placement"):
            modules.append(f"edgebake.runtimes.{name}.{module}")
    modules += [f"edgebake.evaluation.devices.{name}" for name in plugins.options("validate.where")]
    modules += [
        "edgebake.evaluation.latency.stopwatch",
        "edgebake.stages.parity",
        "edgebake.cli.gate",
        *(f"edgebake.data.sources.{name}" for name in plugins.options("data.source")),
        "edgebake.models.inspection.keras",
        "edgebake.cli.init",
    ]
    heavy = ("tensorflow", "keras", "coremltools")
    program = (
        f"import sys, {', '.join(modules)}; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
