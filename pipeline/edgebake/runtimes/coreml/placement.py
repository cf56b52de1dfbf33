"""Find operators that the iOS version of an ML Program lacks, or that the Neural Engine cannot run.

Source of operators.yaml: the registry of coremltools 9, against which tests compare it.
"""

import functools
from pathlib import Path

import yaml

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.mil import Operation
from edgebake.runtimes.coreml.workload import MlPackageFile
from edgebake.runtimes.delegates.table import Delegate

# Opset -> iOS version that introduced it.
OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18, "CoreML9": 26}


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why the delegate cannot run an operator, by its index among those that run."""
    main = package.read(files).specification.mlProgram.functions["main"]
    ios_version = OPSETS[main.opset]
    file = MlPackageFile(files)
    reasons = {}
    for index, operation in enumerate(file.running()):
        reason = _version_problem(operation.kind, ios_version)
        if not reason and delegate.name == "coreml_neural_engine" and _is_dilated(file, operation):
            reason = f"{operation.kind} is dilated"
        if reason:
            reasons[index] = reason
    return reasons


def _version_problem(kind: str, ios_version: int) -> str:
    """Return why an iOS version lacks an operator; empty: it has it."""
    first = operator_versions().get(kind)
    if first is not None and first <= ios_version:
        return ""
    since = "no version has it"
    if first is not None:
        since = f"it was added in iOS{first}"
    return f"{kind} is not in iOS{ios_version}, the deployment target of the file: {since}"


def _is_dilated(file: MlPackageFile, operation: Operation) -> bool:
    for name in operation.inputs.get("dilations", []):
        _, dilations = file.program.constants[name]
        if (dilations > 1).any():
            return True
    return False


@functools.cache
def operator_versions() -> dict[str, int]:
    """Return the first iOS version with each operator; 15 is the first with ML Programs."""
    file = Path(__file__).with_name("operators.yaml")
    kinds_by_version = yaml.safe_load(file.read_text())["since"]
    versions: dict[str, int] = {}
    for version, kinds in kinds_by_version.items():
        versions |= dict.fromkeys(kinds, version)
    return versions
