"""Contract of a model: its inputs, outputs and labels, and the steps that make an input.

Training, calibration, validation and the app share it. It is the file contract.json in the output
of every stage from `train` to the bundle. A classifier of images has the form that this file had
before there were other tasks, and model files contain: the keys of ImageSpec and the labels.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import RecipeError, listed, nearest
from edgebake.tasks import contract_json, preprocess
from edgebake.tasks.inputs.image.spec import ImageInput, ImageSpec, image_of, input_of
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.task import load_task
from edgebake.tasks.tensors import ContractInput, ContractOutput, Ends, Feeds, Raw

FORM = "edgebake.contract/2"  # of contracts that are no image classifiers
CLASSIFICATION = "classification"
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class Contract:
    """Inputs and outputs of a model in their order, and the labels of its classes."""

    task: str  # `task.output`
    inputs: tuple[ContractInput, ...]
    outputs: tuple[ContractOutput, ...]
    labels: list[str]
    task_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_image_classifier(self) -> bool:
        """Return whether the only input is an image and the only output its probabilities."""
        inputs = [type(spec) for spec in self.inputs]
        outputs = [output.name for output in self.outputs]
        is_plain = self.task == CLASSIFICATION and not self.task_options
        takes_image = inputs == [ImageInput]
        returns_probabilities = outputs == [PROBABILITIES]
        return is_plain and takes_image and returns_probabilities

    @property
    def image(self) -> ImageSpec:
        """Return the preprocessing of the only input, an image.

        Raises:
            TypeError: the input is no image.
        """
        return image_of(self.single_input)

    @property
    def single_input(self) -> ContractInput:
        """Return the only input.

        Raises:
            ValueError: there are several.
        """
        (only,) = self.inputs
        return only

    @property
    def ends(self) -> Ends:
        """Return the input tensors, and the names of the outputs."""
        inputs = tuple(spec.tensor for spec in self.inputs)
        outputs = tuple(output.name for output in self.outputs)
        return Ends(inputs, outputs)

    def prepare(self, inputs: Mapping[str, Sequence[Raw]]) -> Feeds:
        """Run the steps on every example.

        Args:
            inputs: examples of each input, by its name.

        Returns:
            Input tensors [n, ...] by name, in the contract's order.
        """
        feeds = {}
        for spec in self.inputs:
            raw = inputs[spec.name]
            feeds[spec.name] = prepare_input(spec, raw)
        return feeds

    def to_json(self) -> str:
        """Return the text of contract.json, which is also in the metadata of ONNX files."""
        text = json.dumps(self._entry(), indent=2)
        return f"{text}\n"

    def _entry(self) -> dict[str, Any]:
        """Return the content of contract.json."""
        if self.is_image_classifier:
            return contract_json.image_classifier_entry(self.task, self.image, self.labels)
        inputs = [contract_json.input_entry(spec) for spec in self.inputs]
        outputs = [contract_json.output_entry(output) for output in self.outputs]
        return {
            "contract": FORM,
            "task": self.task,
            "task_options": dict(self.task_options),
            "inputs": inputs,
            "outputs": outputs,
            "labels": self.labels,
        }


def prepare_input(spec: ContractInput, raw: Sequence[Raw]) -> NDArray[Any]:
    """Return the input tensor [n, ...] of examples."""
    registry = load_input(spec.kind).steps
    count = len(raw)
    shape = spec.tensor.shape
    tensor: NDArray[Any] = np.empty((count, *shape), spec.tensor.dtype)
    for number in range(count):
        example = raw[number]
        values = preprocess.run(spec.steps, example, spec.numbers, registry)
        tensor[number] = np.reshape(values, shape)
    return tensor


def image_classifier(image: ImageSpec, labels: list[str]) -> Contract:
    """Return the contract of a classifier of images."""
    task = load_task(CLASSIFICATION)
    inputs = (input_of(image),)
    outputs = task.outputs(labels)
    return Contract(CLASSIFICATION, inputs, outputs, labels)


def from_recipe(options: ContractOptions, labels: list[str]) -> Contract:
    """Return the contract of a model that is trained with options of a recipe.

    Raises:
        RecipeError: the kind of input names a step that it does not have.
    """
    kind = load_input(options.data.input.kind)
    spec = kind.contract_input(options)
    known = list(kind.steps)
    _refuse_unknown_steps(spec, known)
    task = load_task(options.task.output)
    return Contract(
        task=options.task.output,
        inputs=(spec,),
        outputs=task.outputs(labels),
        labels=labels,
        task_options=options.task.options,
    )


def _refuse_unknown_steps(spec: ContractInput, known: list[str]) -> None:
    for step in spec.steps:
        name = step["step"]
        if name in known:
            continue
        expected = listed(known)
        hint = nearest(name, known)
        raise RecipeError(
            f"the kind of input {spec.kind}: no step {name!r} in steps; "
            f"expected one of: {expected}{hint}"
        )


def from_json(text: str) -> Contract:
    """Return the contract that contract.json holds."""
    content = json.loads(text)
    if "contract" not in content:
        return _read_image_classifier(content)
    inputs = [contract_json.read_input(entry) for entry in content["inputs"]]
    outputs = [contract_json.read_output(entry) for entry in content["outputs"]]
    return Contract(
        task=content["task"],
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        labels=content["labels"],
        task_options=content["task_options"],
    )


def _read_image_classifier(content: dict[str, Any]) -> Contract:
    labels = content.pop("labels")
    task = content.pop("task")
    if task != CLASSIFICATION:
        raise ValueError(f"task: {task}; expected {CLASSIFICATION}")
    image = contract_json.read_image(content)
    return image_classifier(image, labels)
