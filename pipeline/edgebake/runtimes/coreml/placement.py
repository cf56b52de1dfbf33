"""Which operators of an ML Program are in the iOS version that it is for, and which are dilated.

Source of operators.yaml: the registry of coremltools 9, to which tests hold it; `since` is the first version of iOS.
"""

import functools
from pathlib import Path

import yaml

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.mil import Operation as Item
from edgebake.runtimes.coreml.workload import File
from edgebake.runtimes.delegates.table import Delegate

# The version of iOS that each set of operators came with.
OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18, "CoreML9": 26}


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why operators fall off, by their place among those that run."""
    version = OPSETS[package.read(files).specification.mlProgram.functions["main"].opset]
    file = File(files)
    reasons = (
        (place, _reason(file, item, delegate, version)) for place, item in enumerate(file.running())
    )
    return {place: reason for place, reason in reasons if reason}


def _reason(file: File, item: Item, delegate: Delegate, version: int) -> str:
    first = operator_versions().get(item.kind)
    if first is None or first > version:
        wanted = "no version has it" if first is None else f"it came with iOS{first}"
        return f"{item.kind} is not in iOS{version}, which the file is for: {wanted}"
    if delegate.name == "coreml_neural_engine" and _is_dilated(file, item):
        return f"{item.kind} is dilated"
    return ""


def _is_dilated(file: File, item: Item) -> bool:
    names = item.inputs.get("dilations", [])
    return any((file.program.constants[name][1] > 1).any() for name in names)


@functools.cache
def operator_versions() -> dict[str, int]:
    """Return the first version of iOS that has each operator, 15 where ML Programs began with it."""
    found = yaml.safe_load(Path(__file__).with_name("operators.yaml").read_text())["since"]
    return {kind: version for version, kinds in found.items() for kind in kinds}
