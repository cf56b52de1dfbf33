"""Names of other packages that are not public: each is used in one module, and is still there.

A new release of a package may remove them without notice. This test says which one is gone before
a build does.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1] / "pipeline/edgebake"
SOURCES = sorted(ROOT.rglob("*.py"))
# Packages without a public Python interface for what is used of them, and parts that begin with _.
PRIVATE = re.compile(
    r"(keras\.src|tensorflow\.python|onnxruntime\.capi|dvc(_data)?|hydra\._internal"
    r"|(?!edgebake)[a-z]\w*(\.\w+)*\._[A-Za-z]\w*)(\.|$)"
)
STANDARD_LIBRARY = ("os._exit",)  # documented


class PrivateName(NamedTuple):
    """A private name, the module of edgebake that uses it, and why."""

    name: str
    module: str
    reason: str


DVC_STEPS = "DVC's interface for Python runs a whole build, not one of its steps"
PRIVATE_NAMES = (
    PrivateName(
        "keras.src.ops.node.Node",
        "models/keras_graph.py",
        "nodes of a model's graph have no public type; for annotations alone",
    ),
    PrivateName(
        "keras.src.applications.efficientnet.EfficientNet",
        "models/architectures/efficientnet_b0.py",
        "the public functions fix width and depth",
    ),
    PrivateName(
        "tensorflow.python.framework.convert_to_constants.convert_variables_to_constants_v2",
        "models/frozen_function.py",
        "no public function freezes variables",
    ),
    PrivateName(
        "ai_edge_litert._pywrap_analyzer_wrapper.ModelAnalyzer",
        "runtimes/litert/placement.py",
        "the only list of the operators that a GPU delegate takes",
    ),
    PrivateName(
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail",
        "runtimes/coreml/executor/executor.py",
        "errors of sessions have no public type",
    ),
    PrivateName(
        "onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph",
        "runtimes/coreml/executor/executor.py",
        "errors of sessions have no public type",
    ),
    PrivateName(
        "onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented",
        "runtimes/coreml/executor/executor.py",
        "errors of sessions have no public type",
    ),
    PrivateName(
        "coremltools._deps._kmeans1d",
        "models/weight_clustering.py",
        "the optimal clusters of coremltools itself",
    ),
    PrivateName(
        "coremltools.models.utils._apply_graph_pass",
        "runtimes/coreml/activations.py",
        "the public passes take no activation ranges",
    ),
    PrivateName(
        "coremltools._SPECIFICATION_VERSION_IOS_17",
        "runtimes/coreml/activations.py",
        "the public targets do not name the version of the specification",
    ),
    PrivateName(
        "hydra._internal.core_plugins.file_config_source.FileConfigSource",
        "plan/hydra_source.py",
        "a source of recipes extends that of files",
    ),
    PrivateName(
        "dvc_data.hashfile.build.build",
        "execution/dvc_objects.py",
        "DVC's interface for Python moves outputs of its graph alone",
    ),
    PrivateName(
        "dvc_data.hashfile.checkout.checkout",
        "execution/dvc_objects.py",
        "DVC's interface for Python moves outputs of its graph alone",
    ),
    PrivateName(
        "dvc_data.hashfile.hash_info.HashInfo",
        "execution/dvc_objects.py",
        "DVC's interface for Python moves outputs of its graph alone",
    ),
    PrivateName(
        "dvc_data.hashfile.load",
        "execution/dvc_objects.py",
        "DVC's interface for Python moves outputs of its graph alone",
    ),
    PrivateName(
        "dvc_data.hashfile.transfer.transfer",
        "execution/dvc_objects.py",
        "DVC's interface for Python moves outputs of its graph alone",
    ),
    PrivateName("dvc.dependency.param", "execution/dvc_settings.py", DVC_STEPS),
    PrivateName("dvc.exceptions.DvcException", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.lock.LockError", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.repo.Repo", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.repo.reproduce.get_active_graph", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.repo.reproduce.plan_repro", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.rwlock.rwlock", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.stage.PipelineStage", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.stage.cache.RunCacheNotFoundError", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.stage.serialize.to_lockfile", "execution/dvc_repo.py", DVC_STEPS),
    PrivateName("dvc.utils.serialize.dumps_yaml", "execution/dvc_lock_file.py", DVC_STEPS),
    PrivateName("dvc.utils.serialize.loads_yaml", "execution/dvc_lock_file.py", DVC_STEPS),
    PrivateName("dvc.utils.serialize.load_path", "execution/dvc_settings.py", DVC_STEPS),
    PrivateName(
        "dvc.dirs.site_cache_dir",
        "execution/dvc_state.py",
        "DVC's interface for Python does not name its own files",
    ),
    PrivateName(
        "dvc.rwlock.SCHEMA", "execution/dvc_state.py", "tells whether DVC can read its own files"
    ),
    PrivateName(
        "dvc.schema.COMPILED_LOCKFILE_SCHEMA",
        "execution/dvc_state.py",
        "tells whether DVC can read its own files",
    ),
    PrivateName(
        "dvc.utils.serialize.ParseError",
        "execution/dvc_state.py",
        "tells whether DVC can read its own files",
    ),
    PrivateName(
        "dvc.utils.serialize.load_yaml",
        "execution/dvc_state.py",
        "tells whether DVC can read its own files",
    ),
)


def _uses(source: Path) -> set[str]:
    """Return the private names that a module imports or reads from an imported package."""
    tree = ast.parse(source.read_text())
    packages: dict[str, str] = {}  # of `import x as y`, by local name
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.add(alias.name)
                local = alias.asname or alias.name.partition(".")[0]
                packages[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names.update(_qualified(node, packages))
    private = {name for name in names if PRIVATE.match(name) and name not in STANDARD_LIBRARY}
    longer = "\n".join(private)
    return {name for name in private if f"{name}." not in longer}


def _qualified(node: ast.Attribute, packages: dict[str, str]) -> Iterator[str]:
    """Yield the name of an attribute of an imported package: keras.src.ops of `keras`."""
    parts = [node.attr]
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if isinstance(value, ast.Name) and value.id in packages:
        yield ".".join([packages[value.id], *reversed(parts)])


def test_private_names_are_used_where_they_are_listed_and_nowhere_else() -> None:
    used = set()
    for source in SOURCES:
        for name in _uses(source):
            used.add((name, source.relative_to(ROOT).as_posix()))
    assert used == {(private.name, private.module) for private in PRIVATE_NAMES}


def test_each_private_name_is_of_one_module() -> None:
    names = [private.name for private in PRIVATE_NAMES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("private", PRIVATE_NAMES, ids=lambda private: private.name)
def test_a_private_name_is_still_there(private: PrivateName) -> None:
    module, _, name = private.name.rpartition(".")
    assert hasattr(importlib.import_module(module), name), (
        f"{private.name} is gone; {private.module} uses it: {private.reason}"
    )


def test_the_signature_of_a_bundle_needs_no_private_name() -> None:
    trust = [source for source in SOURCES if source.parent.name == "trust"]
    assert len(trust) > 15
    assert {name for source in trust for name in _uses(source)} == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import keras\nkeras.src.ops.node.Node\n", {"keras.src.ops.node.Node"}),
        ("import coremltools as ct\nct._OPSET\n", {"coremltools._OPSET"}),
        ("from a.b._c import d\n", {"a.b._c.d"}),
        ("from a.b import _c\n", {"a.b._c"}),
        ("import os\nos._exit(1)\nfrom __future__ import annotations\n", set()),
        ("import keras\nself._x.y\nkeras.layers.Dense\n", set()),
    ],
)
def test_uses_are_found(tmp_path: Path, text: str, names: set[str]) -> None:
    source = tmp_path / "module.py"
    source.write_text(text)
    assert _uses(source) == names
