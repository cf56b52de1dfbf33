"""The executor passes coremltools' own operator tests, which contain the outputs of Core ML.

Each test runs for at most three of its parameters, evenly picked; all of them run in about 25
minutes:
APPLE_SUITE_EACH=100000 python -m pytest tests/runtimes/coreml/test_apple_operators.py

Guards that every operator of the executor gives the values that Apple tests for.
Slow: it runs about 700 tests of coremltools, in two processes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgebake.runtimes.coreml.executor.translation import supported_operators

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TESTS = "coremltools.converters.mil.mil.ops.tests"
HALVES = (("iOS14", "iOS15", "iOS16"), ("iOS17", "iOS18"))  # one process each, side by side
# Operators that these tests meet and the executor refuses by name, and what it refuses of others.
REFUSED_OPERATORS = {
    *("cond", "make_list", "while_loop"),
    *("random_bernoulli", "random_categorical", "random_normal", "random_uniform"),
}
REFUSED_PARTS = {
    "a parameter that is not constant",
    "a shape that is not known before it runs",
    "indices that are no vector",
    "rank 3, on which coremltools' documentation and tests disagree",
    "sampling_mode UNALIGN_CORNERS, on which coremltools' documentation and tests disagree",
}
# The first tests the errors of Core ML for indices outside of a tensor, which are not modeled; the
# second how long coremltools takes, which differs on a busy machine.
NOT_THE_EXECUTOR = ("::test_ios17_invalid_indices[", "::test_efficient_type_inference")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("apple")
    started = [_started(half, folder / f"{half[0]}.json") for half in HALVES]
    said = [process.communicate()[0] for process in started]
    for half, text in zip(HALVES, said, strict=True):
        assert (folder / f"{half[0]}.json").exists(), text[-3000:]
    return [json.loads((folder / f"{half[0]}.json").read_text()) for half in HALVES]


def _started(folders: tuple[str, ...], report: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.runtimes.coreml.apple_suite",
        "-q",
        "-W",
        "ignore",
    ]
    # Modules of theirs that import PyTorch at the top are left out where it is not installed.
    command += [
        "--continue-on-collection-errors",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "--tb=short",
    ]
    command += ["--pyargs", *(f"{TESTS}.{name}" for name in folders)]
    path = f"{ROOT}{os.pathsep}{ROOT / 'pipeline'}"
    settings = {
        "APPLE_SUITE_EACH": "3",
        **os.environ,
        "PYTHONPATH": path,
        "APPLE_SUITE_REPORT": str(report),
    }
    return subprocess.Popen(
        command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_no_value_that_core_ml_has_to_give_is_missed(reports: list[dict[str, Any]]) -> None:
    failed = []
    for report in reports:
        for name in report["failed"]:
            if "::" in name and not any(part in name for part in NOT_THE_EXECUTOR):
                failed.append(name)
    assert failed == []
    assert sum(report["outcomes"]["passed"] for report in reports) >= 650


def test_what_is_refused_is_known(reports: list[dict[str, Any]]) -> None:
    prefix = "not covered: "
    reasons = {
        reason.removeprefix(prefix)
        for report in reports
        for reason in report["skipped"]
        if reason.startswith(prefix)
    }
    reasons -= {"not an ML Program", "state"}
    by_operator = [reason.partition(": ") for reason in sorted(reasons)]
    assert {
        operator for operator, _, reason in by_operator if reason == "the operator"
    } <= REFUSED_OPERATORS
    assert {reason for _, _, reason in by_operator} - {"the operator"} <= REFUSED_PARTS


def test_most_covered_operators_are_met(reports: list[dict[str, Any]]) -> None:
    met = {name for report in reports for name in report["operators"]}
    assert met <= set(supported_operators())
    assert len(met) >= 100
