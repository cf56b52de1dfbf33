"""A pytest plugin: run coremltools' own operator tests with the executor in the place of Core ML.

    python -m pytest -p tests.runtimes.coreml.apple_suite --pyargs coremltools.converters.mil.mil.ops.tests.iOS16

coremltools is told that it stands on a Mac; whatever it then asks Core ML to predict, the executor answers. A test
whose program holds what the executor does not cover is skipped with the reason.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# coremltools imports it where it finds it, up to 20 s; no operator test needs it.
sys.modules["tensorflow"] = None  # type: ignore[assignment]

import coremltools as ct
import coremltools.converters.mil.testing_utils as testing
import coremltools.models.model as models
import numpy as np
import pytest

from pipeline.artifacts import read_files
from pipeline.errors import CoverageError
from pipeline.runtimes.coreml import FILE, package
from pipeline.runtimes.coreml.executor.executor import Executor
from pipeline.runtimes.coreml.executor.translation import Arithmetic


class ModelProxy:
    """What coremltools calls instead of Apple's framework."""

    def __init__(self, folder: str, *_: Any) -> None:
        self._folder = Path(folder)

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return int(ct._SPECIFICATION_VERSION_IOS_18)

    def predict(self, fed: Mapping[str, Any], state: Any = None) -> dict[str, Any]:
        if state is not None:
            pytest.skip("not covered: state")
        if not self._folder.is_dir():
            pytest.skip("not covered: not an ML Program")
        files = {f"{FILE}/{name}": content for name, content in read_files(self._folder).items()}
        arrays = {name: np.asarray(value) for name, value in fed.items()}
        shapes = {name: value.shape for name, value in fed.items() if isinstance(value, np.ndarray)}
        try:
            executor = Executor(package.read(files), Arithmetic.float16, shapes=shapes)
        except CoverageError as error:
            pytest.skip(f"not covered: {str(error).splitlines()[1].strip()}")
        try:
            return executor.predict(arrays)
        except Exception as error:
            raise RuntimeError(error) from error  # as coremltools does with what Core ML complains of


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is written for the format before ML Programs."""
    older = [item for item in items if _backend(item) == "neuralnetwork"]
    config.hook.pytest_deselected(items=older)
    items[:] = [item for item in items if _backend(item) != "neuralnetwork"]


def _backend(item: pytest.Item) -> str:
    parameters = getattr(item, "callspec", None)
    backend = parameters.params.get("backend") if parameters else None
    return getattr(backend, "backend", "")


models._MLModelProxy = ModelProxy
models._macos_version = testing.coremltoolsutils._macos_version = lambda: (15, 0)
testing._IS_MACOS = True
