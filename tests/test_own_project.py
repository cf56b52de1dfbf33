"""A separate project: the real commands with its own plugins, from a checkout and from the wheel.

The guides in GUIDES are followed word by word with the wheel.
"""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builds
from tests.builds import ROOT, edit, ran

CHECKOUT = ROOT / "pipeline"
# In this order; each continues the project of the pages before it.
GUIDES = (
    "own_project",
    "add_a_data_source",
    "add_a_device",
    "add_a_scheme",
    "add_an_architecture_or_pruner",
)
# A change of edgebake, not of a project: the rest of its page is not followed.
IN_A_CLONE = "## A quantization scheme"
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ADDITION = re.compile(r"Add `(\w+)` to `targets:` in `([\w/.]+)`, before `(\w+)`")
FILE = re.compile(r"^ *`([\w/]+\.(?:py|yaml))`", re.MULTILINE)
SHOW = re.compile(r"`(edgebake show [^`]+)`")
RELEASE = """\
name: squares
version: 0.1.0
author: The authors of squares
license: Apache-2.0
description: Tells bright squares from dark ones.
card: { intended_use: [Trying out edgebake.], limits: [It has seen squares alone.] }
licenses: { allow: [Apache-2.0, CC0-1.0, MIT], review: [], deny: [] }
signature: null
encryption_key: null
targets: [first, second]
"""
SOURCE = """\
\"\"\"Squares of one shade.\"\"\"
from plugins.sources import _pixels

TOOLS = ()


def count(data):
    return {"": 40}


def columns(data):
    return []


def load(data):
    import numpy as np

    from edgebake.data.dataset import Examples

    images = [_pixels.square(number) for number in range(40)]
    return Examples(images, np.arange(40) % 2, ["dark", "bright"])
"""
HELPER = """\
def square(number):
    import numpy as np

    return np.full((8, 8), number + 100 * (number % 2), np.uint8)
"""
DATA = """\
source: {source}
path: data.txt
origin: {{ name: Squares, author: The authors of squares, license: CC0-1.0, source: plugins }}
color: grayscale
crop: none
resize: bilinear
mean: [127.5]
scale: [0.0078125]
seed: 0
splits: {{ by: seed, train: 0.5, calibration: 0.1, validation: 0.2, test: 0.2 }}
on_corrupt: stop
"""
CHOICES = """\
# @package _global_
defaults:
  - override /device: {platform}_any
  - override /data: {data}
"""
# Eight test examples prove neither accuracy nor accuracy_drop.
UNPROVEN = """\
validate:
  budget:
    accuracy: { inconclusive: passes }
    accuracy_drop: { inconclusive: passes }
"""

ARCHITECTURE = """\
MINIMUM_RESOLUTION = 1


def build(model, contract):
    import keras

    image = keras.Input(contract.single_input.tensor.shape, name="image")
    x = keras.layers.Flatten()(image)
    x = keras.layers.Dense(len(contract.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(image, x)
"""
OWN_RUNTIME = {
    "plugins/runtimes/matmul/__init__.py": (ROOT / "tests/matmul_runtime.py").read_text(),
    "plugins/architectures/one_matrix.py": ARCHITECTURE,
    "recipes/convert/matmul.yaml": "runtime: matmul\n",
    "recipes/model/one_matrix.yaml": (
        "{ architecture: one_matrix, width: 1.0, resolution: 8, pretrained: null }\n"
    ),
    "recipes/target/first.yaml": CHOICES.format(platform="linux", data="digits")
    + """\
  - override /model: one_matrix
  - override /convert: matmul
  - override /validate: untimed

device: { runtimes: [matmul] }
validate: { budget: { accuracy: { at_least: 0.5 }, class_accuracy: null } }
""",
    "recipes/release.yaml": RELEASE.replace("[first, second]", "[first]").replace(
        "CC0-1.0", "BSD-2-Clause, BSD-3-Clause, CC-BY-4.0"
    ),
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run(folder: Path, package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a project that has edgebake from a folder of packages."""
    return builds.run(folder, *command, PYTHONPATH=str(package))


def repro(folder: Path, package: Path = CHECKOUT) -> list[str]:
    """Build both data variants of the project, and return the stages that ran, sorted."""
    done = run(folder, package, sys.executable, "-m", "dvc", "repro", "data@squares", "data@plain")
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(ran(done.stdout))


def begun(folder: Path, package: Path) -> Path:
    """Return a project of two targets, each with a source of its own; `squares` has a helper."""
    write(
        folder,
        {
            "dvc.yaml": (ROOT / "dvc.yaml").read_text(),
            ".gitignore": "artifacts/\n__pycache__/\n",
            "data.txt": "",
            "recipes/release.yaml": RELEASE,
            "recipes/data/squares.yaml": DATA.format(source="squares"),
            "recipes/data/plain.yaml": DATA.format(source="plain"),
            "recipes/target/first.yaml": CHOICES.format(platform="linux", data="squares")
            + UNPROVEN,
            "recipes/target/second.yaml": CHOICES.format(platform="android", data="plain")
            + UNPROVEN,
            "plugins/sources/squares.py": SOURCE,
            "plugins/sources/_pixels.py": HELPER,
            "plugins/sources/plain.py": SOURCE.replace(
                "from plugins.sources import _pixels\n", HELPER
            ).replace("_pixels.", ""),
        },
    )
    builds.run(folder, "git", "init", "--quiet")
    assert run(folder, package, sys.executable, "-m", "dvc", "init", "--quiet").returncode == 0
    done = run(folder, package, sys.executable, "-m", "edgebake", "plan")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun(tmp_path_factory.mktemp("squares"), CHECKOUT)


def plan(folder: Path) -> str:
    done = run(folder, CHECKOUT, sys.executable, "-m", "edgebake", "plan")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_edit_of_a_plugin_runs_those_variants_again_that_name_it(project: Path) -> None:
    assert repro(project) == ["data@plain", "data@squares"]
    assert repro(project) == []
    source = project / "plugins/sources/squares.py"

    edit(source, '"""Squares of one shade."""', '"""Squares, each of one shade."""\n# A comment.\n')
    assert repro(project) == []

    edit(source, "arange(40) % 2", "arange(40) // 20")
    assert "  data.squares: code of plugins/sources/squares.py\n" in plan(project)
    assert repro(project) == ["data@squares"]

    edit(project / "plugins/sources/_pixels.py", "100 *", "120 *")
    output = plan(project)
    assert "  data.squares: code of plugins/sources/_pixels.py\n" in output
    assert "data.plain" not in output
    assert repro(project) == ["data@squares"]


def test_a_module_becomes_a_folder_with_data_beside_it(project: Path) -> None:
    repro(project)
    plain = project / "plugins/sources/plain.py"
    package = project / "plugins/sources/plain"
    package.mkdir()
    plain.rename(package / "__init__.py")
    (package / "tables").mkdir()
    (package / "tables/shades.csv").write_text("1\n")
    assert repro(project) == ["data@plain"]
    (package / "tables/shades.csv").write_text("2\n")
    assert "  data.plain: code of plugins/sources/plain/tables/shades.csv\n" in plan(project)
    assert repro(project) == ["data@plain"]
    (package / "tables/.shades.csv.swp").write_text("of an editor")
    assert repro(project) == []


def test_a_plugin_in_place_of_ours_is_what_counts(project: Path) -> None:
    edit(project / "recipes/data/plain.yaml", "source: plain", "source: digits")
    write(project, {"plugins/sources/digits.py": SOURCE})
    plan(project)
    digest = (project / "artifacts/code/data/plain").read_text()
    assert "plugins/sources/digits.py\n" in digest
    assert "edgebake/data/sources/digits.py" not in digest
    (project / "plugins/sources/digits.py").unlink()
    edit(project / "recipes/data/plain.yaml", "source: digits", "source: plain")
    plan(project)


def test_an_uncommitted_edit_of_a_plugin_makes_a_bundle_dirty(project: Path) -> None:
    def is_dirty() -> bool:
        done = run(project, CHECKOUT, sys.executable, "-m", "edgebake", "revision")
        assert done.returncode == 0, done.stderr
        return '"dirty": true' in (project / "artifacts/revision/linux.json").read_text()

    builds.commit(project, "Squares")
    assert not is_dirty()
    cache = project / "plugins/sources/__pycache__/squares.cpython-311.pyc"
    cache.write_text("of another Python, which this one does not run")
    assert not is_dirty()
    edit(project / "plugins/sources/squares.py", "TOOLS = ()", "TOOLS = []")
    assert is_dirty()


def test_a_failure_inside_a_plugin_names_its_line(project: Path) -> None:
    edit(project / "plugins/sources/squares.py", "    images =", "    1 / 0\n    images =")
    done = run(project, CHECKOUT, sys.executable, "-m", "edgebake", "data", "squares")
    assert done.returncode == 1
    line = (project / "plugins/sources/squares.py").read_text().splitlines().index("    1 / 0") + 1
    assert done.stderr == (
        f"edgebake: data squares: plugins/sources/squares.py:{line}: "
        "ZeroDivisionError: division by zero; "
        "expected a plugin that runs; the traceback is in artifacts/data/squares.log\n"
    )


@pytest.mark.slow
def test_a_runtime_of_the_project_ships_and_nothing_of_edgebake_changes(tmp_path: Path) -> None:
    """Guards docs/guides/add_a_runtime.md, from its two files to a bundle that verifies.

    Slow: it trains a model and builds its bundle.
    """
    folder = begun(tmp_path, CHECKOUT)
    write(folder, OWN_RUNTIME)
    plan(folder)
    builds.commit(folder, "A runtime")

    def edgebake(*arguments: str) -> tuple[int, str]:
        done = run(folder, CHECKOUT, sys.executable, "-m", "edgebake", *arguments)
        return done.returncode, done.stdout + done.stderr

    code, output = edgebake("build")
    assert code == 0, output
    assert "not measured: the stopwatch does not support matmul" in output
    variant = "digits-one_matrix-matmul"
    for digest in (f"convert/{variant}", f"validate/{variant}-linux", "package/linux"):
        assert (
            "plugins/runtimes/matmul/__init__.py\n"
            in (folder / "artifacts/code" / digest).read_text()
        )
    target = builds.manifest(folder, "linux")["targets"]["first"]
    assert (target["runtime"], target["model"]) == ("matmul", f"models/{variant}.npz")
    assert target["metrics"]["accuracy"]["value"] >= 0.5

    bundle = "artifacts/package/linux.zip"
    unknown = "not a type of file that a bundle contains in this folder"
    hint = "expected --plugins, in the project that has the runtime matmul"
    assert edgebake("verify", bundle, "--unsigned") == (
        1,
        f"edgebake: models/{variant}.npz: {unknown}; {hint}\n",
    )
    code, output = edgebake("verify", bundle, "--unsigned", "--plugins")
    assert (code, output.splitlines()[-1]) == (0, "squares 0.1.0 for linux: sound, but unsigned"), (
        output
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the wheel alone; the checkout it was built from is gone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    builds.snapshot(source)
    wheel = ("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(source))
    install = ("install", "--no-deps", "--no-compile", "--target", str(folder / "site"))
    pip(folder, *wheel)
    source.rename(folder / "elsewhere")
    pip(folder, *install, str(next(folder.glob("edgebake-*.whl"))))
    return folder / "site"


def pip(folder: Path, *arguments: str) -> None:
    done = builds.run(
        folder, sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_what_it_brings_and_nothing_else(site: Path) -> None:
    """Guards against tests in a wheel and recipes left out of it.

    Slow: it builds the wheel.
    """
    record = next(site.glob("edgebake-*.dist-info/RECORD")).read_text()
    installed = {line.split(",")[0] for line in record.splitlines()}
    own = {name for name in installed if ".dist-info/" not in name and not name.startswith("../")}
    assert {name.partition("/")[0] for name in own} == {"edgebake"}
    tracked = set(
        builds.run(
            ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard"
        ).stdout.split()
    )
    package = {
        name.removeprefix("pipeline/") for name in tracked if name.startswith("pipeline/edgebake/")
    }
    folders = ("recipes/", "LICENSES/")
    built_in = {
        f"edgebake/builtin/{name}"
        for name in tracked
        if name.startswith(folders) or name == "dvc.yaml"
    }
    assert own == package | built_in
    assert "edgebake/py.typed" in own


@pytest.mark.slow
def test_a_project_has_what_it_lacks_from_the_wheel(site: Path, tmp_path: Path) -> None:
    """Guards against paths that only a checkout has.

    Slow: it installs the wheel and runs eight commands.
    """
    folder = begun(tmp_path, site)
    write(
        folder,
        {
            "recipes/quantize/int8.yaml": "# Of the project.\nscheme: none\n",
            "recipes/quantize/own.yaml": "scheme: int8\nbits: 3\n",
        },
    )

    def edgebake(*arguments: str) -> str:
        done = run(folder, site, "edgebake", *arguments)
        return done.stdout + done.stderr

    where = run(
        folder, site, sys.executable, "-c", "import edgebake; print(edgebake.__path__)"
    ).stdout
    assert where == f"['{site}/edgebake']\n"
    assert (
        edgebake("--version")
        == f"edgebake {next(site.glob('*.dist-info')).stem.partition('-')[2]}\n"
    )
    unknown_key = (
        "edgebake: recipes/quantize/own.yaml: quantize.bits: unknown key; "
        "expected one of: calibration, candidates, compression, fallback, fallback_dtype, "
        "fallback_limit, granularity, qat, scheme\n"
    )
    assert edgebake("check") == unknown_key
    listed = edgebake("list").splitlines()
    assert listed[:3] == [
        "target    first  (released)",
        "target    second  (released)",
        "convert   coreml litert onnxruntime",
    ]
    ours = {file.stem for file in (ROOT / "recipes/data").glob("*.yaml")}
    assert f"data      {' '.join(sorted({*ours, 'plain', 'squares'}))}" in listed
    assert listed[-2:] == [
        "plugin    plugins/sources/plain  (data.source)",
        "plugin    plugins/sources/squares  (data.source)",
    ]
    shown = edgebake("show", "first", "quantize=int8")
    assert origin(shown, "source: squares") == "recipes/data/squares.yaml"
    assert origin(shown, "architecture: ds_cnn") == "edgebake: model/ds_cnn.yaml"
    assert origin(shown, "scheme: none") == "recipes/quantize/int8.yaml"
    assert edgebake("show", "first", "quantize=own") == unknown_key
    assert edgebake("show", "first", "quantize=int9").startswith(
        "edgebake: command line: quantize: no option 'int9'; "
        "expected one of: auto, dynamic, float16, int16x8, "
    )
    assert edgebake("show", "pixel_8") == (
        "edgebake: recipes/target/pixel_8.yaml: no such target; expected one of: first, second\n"
    )
    assert repro(folder, site) == ["data@plain", "data@squares"]
    assert "edgebake/LICENSES/MIT.txt\n" in (folder / "artifacts/code/package/linux").read_text()


def origin(shown: str, line: str) -> str:
    """Return the file that `edgebake show` names behind a line."""
    return next(
        text.partition("# ")[2] for text in shown.splitlines() if text.strip().startswith(line)
    )


@pytest.fixture(scope="module")
def followed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project in which the guides were followed, and the output of all commands."""
    folder = tmp_path_factory.mktemp("stripes")
    output = []
    for name in GUIDES:
        page = (ROOT / f"docs/guides/{name}.md").read_text()
        for command in follow(folder, page.partition(IN_A_CLONE)[0]):
            done = run(folder, site, "bash", "-euc", command)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            output.append(done.stdout)
    return folder, "".join(output)


def follow(folder: Path, page: str) -> Iterator[str]:
    """Write the files of a page into a project, and yield the commands between them."""
    start = 0
    for fence in FENCE.finditer(page):
        text = textwrap.dedent(fence[3])
        before = page[start : fence.start()]
        start = fence.end()
        for target, file, successor in ADDITION.findall(before):
            edit(folder / file, f"  - {successor}\n", f"  - {target}\n  - {successor}\n")
        yield from SHOW.findall(before)
        if fence[2] == "sh":
            yield text
        elif fence[2] in ("python", "yaml"):
            write(folder, {FILE.findall(before)[-1]: text})
    yield from SHOW.findall(page[start:])


@pytest.mark.slow
def test_the_guide_can_be_followed(followed: tuple[Path, str], site: Path) -> None:
    """Guards the code blocks of the guides.

    Slow: every command in them is run.
    """
    folder, output = followed
    assert "2 targets are sound: any_linux raspberry_pi_4\n" in output
    assert "+ package.linux.targets.raspberry_pi_4\n" in output
    assert "data pixel_table: 1,200 examples" in output
    assert "2 passed" in output
    kinds = {path.parent.name for path in (folder / "plugins").rglob("*.py")}
    assert kinds == {"sources", "architectures", "pruning_methods", "calibrators", "devices"}


@pytest.mark.slow
def test_every_plugin_of_the_guide_takes_part_in_a_bundle(
    followed: tuple[Path, str], site: Path
) -> None:
    """Guards against plugins that are checked and never run.

    Slow: it trains a model and builds its bundle.
    """
    folder, _ = followed
    (folder / "recipes/target/raspberry_pi_4.yaml").unlink()
    edit(folder / "recipes/release.yaml", "  - raspberry_pi_4\n", "")
    edit(folder / "plugins/devices/idle_host.py", "LOAD = 0.5", "LOAD = 1e9")
    target = """\
# @package _global_
defaults:
  - override /device: linux_any
  - override /data: pixel_table
  - override /model: two_layers
  - override /prune: smallest
  - override /quantize: int8
  - override /convert: onnxruntime

train: { epochs: 6 }
device: { dtypes: [float32, int8] }
quantize: { calibration: { method: three_sigma, samples: 100 } }
validate:
  where: idle_host
  runs: 200
  budget:
    accuracy: { at_least: 0.5 }
    class_accuracy: { at_least: 0.1 }
    accuracy_drop: { at_most: 1 }
    speedup: null
"""
    write(folder, {"recipes/target/any_linux.yaml": target})
    assert run(folder, site, "edgebake", "plan").returncode == 0
    builds.commit(folder, "Stripes")
    done = run(folder, site, "edgebake", "build", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    texts = {file.name for file in (folder / "artifacts/package/linux/LICENSES").iterdir()}
    assert texts == {"Apache-2.0.txt", "CC0-1.0.txt", "MIT.txt"}
    assert "two_layers" in (folder / "params.yaml").read_text()
    pruned = next((folder / "artifacts/prune").glob("*/pruned.json")).read_text()
    assert '"method": "smallest"' in pruned
