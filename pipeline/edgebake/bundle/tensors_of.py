"""Inputs, outputs and steps of a target, in either form of the manifest."""

from typing import cast

from edgebake.bundle.manifest_types import (
    InputEntry,
    Step,
    TargetEntry,
    TargetEntry1,
    TargetEntry2,
    TensorEntry,
)


def inputs_of(target: TargetEntry) -> list[InputEntry]:
    """Return the inputs of a target, in the order of its model."""
    if "inputs" in target:
        return cast("TargetEntry2", target)["inputs"]
    single = cast("TargetEntry1", target)
    return [
        {
            "name": single["input"]["name"],
            "kind": "image",
            "tensor": single["input"],
            "raw": {"form": "png"},
            "preprocessing": single["preprocessing"],
        }
    ]


def outputs_of(target: TargetEntry) -> list[TensorEntry]:
    """Return the outputs of a target, in the order of its model."""
    if "outputs" in target:
        return cast("TargetEntry2", target)["outputs"]
    return [cast("TargetEntry1", target)["output"]]


def outputs_with_labels(target: TargetEntry) -> list[TensorEntry]:
    """Return the outputs whose last axis the labels name: those that such a step begins with."""
    by_name = {output["name"]: output for output in outputs_of(target)}
    (read, *_) = by_name.values()
    labeled = []
    for step in target["postprocessing"]:
        if "output" in step:
            read = by_name[step["output"]]
        if "labels" in step:
            labeled.append(read)
    return labeled


def steps_of(target: TargetEntry) -> list[Step]:
    """Return every step of a target: before the model, input by input, then after it."""
    steps: list[Step] = []
    for entry in inputs_of(target):
        steps += entry["preprocessing"]
    return steps + target["postprocessing"]


def files_of(target: TargetEntry) -> list[str]:
    """Return the paths of the files that a target names, its model excepted."""
    paths = [target["golden"]]
    for step in steps_of(target):
        for key in ("labels", "file"):
            if key in step:
                paths.append(step[key])
    return paths
