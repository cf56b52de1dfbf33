"""A model in which some channels are zero, told without the code that cuts them out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.compression.pruning.dependency_graph import Dependencies
from edgebake.models import keras_graph

Groups = NDArray[np.int64]


def some(dependencies: Dependencies, seed: int) -> tuple[Any, Groups]:
    """Return random counts of the families and the removed groups; the first family loses some."""
    random = np.random.default_rng(seed)
    most = [
        len(family.groups) - (not number) for number, family in enumerate(dependencies.families)
    ]
    counts = [int(random.integers(1, max(count, 1), endpoint=True)) for count in most]
    gone = [
        random.permutation(family.groups)[count:]
        for family, count in zip(dependencies.families, counts, strict=True)
    ]
    return np.array(counts, np.float64), np.concatenate([*gone, np.zeros(0, np.int64)])


def images(model: Any, count: int = 3) -> Any:
    return (
        np.random.default_rng(3)
        .uniform(-1, 1, (count, *model.inputs[0].shape[1:]))
        .astype(np.float32)
    )


def zeroed(model: Any, dependencies: Dependencies, dropped: Groups) -> dict[str, list[Any]]:
    """Return all tensors of a model with removed channels set to zero, without these channels."""

    def mask(name: str, tensor: Any) -> Any:
        return tensor * np.asarray(
            ~np.isin(dependencies.channels[name].outputs, dropped), np.float32
        )

    return {
        name: [
            tensor[..., ~np.isin(dependencies.channels[name].outputs, dropped)]
            for tensor in tensors
        ]
        for name, tensors in run(model, mask).items()
    }


def run(
    model: Any, change: Callable[[str, Any], Any] = lambda _, tensor: tensor
) -> dict[str, list[Any]]:
    """Run the operations of a model one by one on random images; return their outputs by name."""
    tensors: dict[int, Any] = {}
    outputs: dict[str, list[Any]] = {}
    for node in keras_graph.nodes(model):
        operation = node.operation
        if node.input_tensors:
            arguments, options = node.arguments.fill_in(tensors)
            output = change(operation.name, operation(*arguments, **options))
            outputs.setdefault(operation.name, []).append(np.array(output))
        else:
            output = images(model)
        tensors[id(node.output_tensors[0])] = output
    return outputs
