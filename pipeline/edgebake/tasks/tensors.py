"""Inputs and outputs of a model as arrays by name, and what a contract says of each.

Needs NumPy alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Feeds = Mapping[str, NDArray[Any]]  # by name of an input, each [n, ...], in the contract's order
Outputs = Mapping[str, NDArray[np.float32]]  # by name of an output, each [n, ...]
Raw = Any  # one example's input before the first step: an image, samples, a text
Step = dict[str, Any]  # its name as `step`, and its parameters; plain JSON
Numbers = Mapping[str, NDArray[np.float32]]  # large constants of steps, by key
StepFunction = Callable[[Step, Any, Numbers], Any]
IMAGE = "image"  # name of every input that is an image
PROBABILITIES = "probabilities"  # name of the output of every classifier


def count(feeds: Feeds) -> int:
    """Return the number of examples of a batch, n."""
    return min(len(values) for values in feeds.values())


def take(feeds: Feeds, rows: slice) -> dict[str, NDArray[Any]]:
    """Return some examples of a batch, each array [rows, ...]."""
    return {name: values[rows] for name, values in feeds.items()}


def single_examples(feeds: Feeds) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield each example of a batch, its inputs [1, ...]."""
    for row in range(count(feeds)):
        yield take(feeds, slice(row, row + 1))


@dataclass(frozen=True)
class TensorSpec:
    """One input tensor of a model."""

    name: str
    shape: tuple[int, ...]  # of one example, without the batch
    dtype: str  # float32 or int32
    highest: int | None = None  # largest id of an int32 input; None for float32


@dataclass(frozen=True)
class ContractInput:
    """One input of a model: its tensor, and the steps that make the tensor of an example."""

    name: str  # of the tensor
    kind: str  # `data.input.kind`
    tensor: TensorSpec
    steps: tuple[Step, ...]
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class ContractOutput:
    """One output of a model, float32."""

    name: str  # of the tensor
    shape: tuple[int, ...]  # of one example, without the batch
    meaning: str  # of its values, for people
    bounds: tuple[float, float] | None = None  # of every value; None: unbounded


@dataclass(frozen=True)
class Ends:
    """Input tensors and names of the outputs of a model, in the contract's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[str, ...]

    @property
    def is_image_classifier(self) -> bool:
        """Return whether these are an image and the probabilities of its classes."""
        inputs = [spec.name for spec in self.inputs]
        return inputs == [IMAGE] and self.outputs == (PROBABILITIES,)


# Of images of any size.
IMAGE_CLASSIFIER = Ends((TensorSpec(IMAGE, (), "float32"),), (PROBABILITIES,))
