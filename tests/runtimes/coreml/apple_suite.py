"""A pytest plugin: run coremltools' own operator tests with the executor in the place of Core ML.

    python -m pytest -p tests.runtimes.coreml.apple_suite --continue-on-collection-errors \
        -c /dev/null --pyargs coremltools.converters.mil.mil.ops.tests.iOS16

coremltools sees a Mac, and the executor computes each prediction that it requests from Core ML. A
test is skipped, with the reason, if the executor does not cover its program or if it needs PyTorch.
APPLE_SUITE_EACH=6 runs at most six parametrizations of each test; APPLE_SUITE_REPORT=FILE writes
the results.
"""

import gc
import json
import os
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.converters.mil.testing_utils as testing
import coremltools.models.model as models
import numpy as np
import pytest

from edgebake.artifacts import read_files
from edgebake.errors import CoverageError
from edgebake.runtimes.coreml import FILE, package
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic

NEEDS_PYTORCH, NOT_COVERED = "needs PyTorch", "not covered: "
OUTCOMES: Counter[str] = Counter()
FAILED: list[str] = []
SKIPPED: Counter[str] = Counter()
OPERATORS: set[str] = set()


class ModelProxy:
    """What coremltools calls instead of Apple's framework."""

    def __init__(self, folder: str, *_: Any) -> None:
        self._folder = Path(folder)

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return int(ct._SPECIFICATION_VERSION_IOS_18)

    def predict(self, fed: Mapping[str, Any], _: Any = None) -> dict[str, Any]:
        if not self._folder.is_dir():
            pytest.skip(f"{NOT_COVERED}not an ML Program")
        files = {f"{FILE}/{name}": content for name, content in read_files(self._folder).items()}
        shapes = {name: value.shape for name, value in fed.items() if isinstance(value, np.ndarray)}
        try:
            executor = Executor(package.read(files), Arithmetic.float16, shapes=shapes)
        except CoverageError as error:
            operator, _, reason = str(error).splitlines()[1].strip().partition(": ")
            pytest.skip(f"{NOT_COVERED}{operator}: {reason.split(', operation')[0]}")
        OPERATORS.update(operation.kind for operation in executor.program.operations)
        try:
            return executor.predict({name: np.asarray(value) for name, value in fed.items()})
        except Exception as error:
            raise RuntimeError(
                error
            ) from error  # as coremltools does with what Core ML complains of


models._MLModelProxy = ModelProxy
models._macos_version = testing.coremltoolsutils._macos_version = lambda: (15, 0)
testing._IS_MACOS = True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of the older model format, and those beyond APPLE_SUITE_EACH."""
    kept: list[pytest.Item] = []
    by_test: dict[str, list[pytest.Item]] = {}
    for item in items:
        if _backend(item) != "neuralnetwork":
            by_test.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for group in by_test.values():
        each = min(int(os.environ.get("APPLE_SUITE_EACH", len(group))), len(group))
        kept += [group[number * len(group) // each] for number in range(each)]
    stays = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in stays])
    items[:] = kept
    # coremltools collects garbage three times in each conversion: pass over what is imported.
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, Any, Any]:
    """Skip what this machine or the executor has not got, rather than fail."""
    try:
        return (yield)
    except NameError as error:
        if "torch" in str(error):
            pytest.skip(NEEDS_PYTORCH)
        raise
    except Exception as error:
        if "State functionality" in str(error):
            pytest.skip(f"{NOT_COVERED}state")
        raise


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or (report.when == "setup" and not report.passed):
        OUTCOMES[report.outcome] += 1
    if report.failed:
        FAILED.append(report.nodeid)
    if report.skipped and isinstance(report.longrepr, tuple):
        SKIPPED[report.longrepr[2].removeprefix("Skipped: ")] += 1


def pytest_sessionfinish() -> None:
    file = os.environ.get("APPLE_SUITE_REPORT")
    if file:
        result = {
            "outcomes": OUTCOMES,
            "failed": FAILED,
            "skipped": SKIPPED,
            "operators": sorted(OPERATORS),
        }
        Path(file).write_text(json.dumps(result, indent=2))


def _backend(item: pytest.Item) -> str:
    parameters = getattr(item, "callspec", None)
    backend = parameters.params.get("backend") if parameters else None
    return getattr(backend, "backend", "")
