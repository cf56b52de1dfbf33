"""Golden vectors: a few examples with the input and output that a device has to reproduce.

They are made where the test split is read, and ship with the bundle. Reads and writes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.data.dataset import Examples
from edgebake.evaluation import golden_forms
from edgebake.evaluation.golden_forms import Tolerances, Vector
from edgebake.runtimes import contract_tensors
from edgebake.runtimes.session import Tensor
from edgebake.tasks import preprocess
from edgebake.tasks.contract import Contract, prepare_input
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.task import Task, load_task
from edgebake.tasks.tensors import ContractInput, ContractOutput, Outputs, Raw

EXAMPLES = 5
# The tolerances between the two highest probabilities. Each of the two may be off by one, so the
# order holds from two on; two more leave a margin.
MARGIN = 4
# Largest difference between the probabilities of one file on two sets of kernels. Measured with
# DS-CNN on the 540 digits of the test split: float32, LiteRT and ONNX Runtime, optimized or not,
# 0.000005; float16 and float32, 0.001; int8, XNNPACK and LiteRT's reference kernels, 0.023.
# Deeper models add up larger differences.
FLOAT32_KERNELS = 0.001
FLOAT16_KERNELS = 0.02
INTEGER_KERNELS = 0.04
STEPS = 4  # of a quantized output, where a step is large


@dataclass(frozen=True)
class ConvertedFile:
    """The properties of a converted file that its predictions depend on."""

    sha256: str
    platform: str
    inspection: dict[str, Any]  # content of inspection.json
    contract: Contract

    @property
    def inputs(self) -> list[tuple[ContractInput, Tensor]]:
        """Return each input of the contract, and the file's tensor for it."""
        return contract_tensors.inputs(self.contract, self.inspection)

    @property
    def outputs(self) -> list[tuple[ContractOutput, Tensor]]:
        """Return each output of the contract, and the file's tensor for it."""
        return contract_tensors.outputs(self.contract, self.inspection)


@dataclass(frozen=True)
class Values:
    """Inputs of one example before the first step, and the file's outputs, by name."""

    inputs: Mapping[str, Raw]
    outputs: Mapping[str, NDArray[np.float32]]  # each [...]


def build_vectors(
    file: ConvertedFile, examples: Examples, inputs: Mapping[str, Sequence[Raw]], outputs: Outputs
) -> dict[str, Any]:
    """Return the content of golden.json.

    It has no examples if an output of every prediction is close to another answer.

    Args:
        file: the file that made the predictions.
        examples: names, sizes and labels of the test split.
        inputs: of all examples before the first step, [n] by the contract's names.
        outputs: of all examples, float32 [n, ...] by the contract's names.
    """
    contract = file.contract
    task = load_task(contract.task)
    limits = tolerances(file)
    vectors = []
    for number in _select(examples, outputs, task, limits.outputs):
        example = {name: raw[number] for name, raw in inputs.items()}
        answers = {name: values[number] for name, values in outputs.items()}
        vector = _vector(file, examples, number, Values(example, answers))
        vectors.append(vector)
    if contract.is_image_classifier:
        return golden_forms.first_form(file.sha256, limits, vectors)
    return golden_forms.second_form(file.sha256, limits, vectors)


def tolerances(file: ConvertedFile) -> Tolerances:
    """Return how far a device may be off: after the steps of an input, and after the model."""
    inputs = {}
    for spec, tensor in file.inputs:
        kind = load_input(spec.kind)
        facts = asdict(tensor)
        inputs[spec.name] = kind.tolerance(spec, facts)
    outputs = {}
    for output, tensor in file.outputs:
        outputs[output.name] = _output_tolerance(file, tensor)
    return Tolerances(inputs, outputs)


def _output_tolerance(file: ConvertedFile, tensor: Tensor) -> float:
    scale = tensor.scale or 0.0
    steps = STEPS * scale
    between_kernels = _kernel_tolerance(file)
    return max(between_kernels, steps)


def _kernel_tolerance(file: ConvertedFile) -> float:
    dtypes: set[str] = set()
    for operator in file.inspection["operators"]:
        dtypes.update(operator["dtypes"])
    if any("int" in dtype for dtype in dtypes):
        return INTEGER_KERNELS
    if file.platform == "linux" and dtypes == {"float32"}:
        return FLOAT32_KERNELS
    # GPUs of phones compute float32 files in float16.
    return FLOAT16_KERNELS


def _select(
    examples: Examples, outputs: Outputs, task: Task, tolerances: Mapping[str, float]
) -> list[int]:
    """Return the numbers of a few examples with a clear margin, in ascending order.

    The margin of an output is clear by the tolerance of this output, and all have to be.

    Right answers come before wrong ones, and small examples before large ones because a bundle is
    downloaded; the kinds of answers take turns.
    """
    has_margin = np.ones(len(examples.labels), np.bool_)
    for name, margins in task.margins(outputs).items():
        smallest_margin = MARGIN * tolerances[name]
        has_margin &= margins > smallest_margin
    is_wrong = ~task.right(outputs, examples.labels)

    def preference(number: int) -> tuple[bool, int, int]:
        size = examples.sizes[number]
        return bool(is_wrong[number]), size, number

    candidates = np.flatnonzero(has_margin).tolist()
    candidates.sort(key=preference)
    kinds = task.turns(outputs)
    in_turns = _take_turns(candidates, kinds)
    selected = in_turns[:EXAMPLES]
    return sorted(selected)


def _take_turns(numbers: list[int], kinds: NDArray[np.int64]) -> list[int]:
    """Return the first example of each kind of answer, then the second of each, and so on."""
    count_by_kind: Counter[int] = Counter()
    turns: dict[int, int] = {}
    for number in numbers:
        kind = int(kinds[number])
        turns[number] = count_by_kind[kind]
        count_by_kind[kind] += 1
    return sorted(numbers, key=turns.__getitem__)


def _vector(file: ConvertedFile, examples: Examples, number: int, values: Values) -> Vector:
    raw = {}
    tensors = {}
    for spec, tensor in file.inputs:
        kind = load_input(spec.kind)
        example = values.inputs[spec.name]
        raw[spec.name] = golden_forms.raw_value(kind, example)
        tensors[spec.name] = _stored_input(spec, tensor, example)
    answers = {output.name: values.outputs[output.name] for output, _ in file.outputs}
    example_name = examples.names[number]
    label_number = examples.labels[number]
    label = examples.classes[label_number]
    return Vector(example_name, raw, tensors, answers, label)


def _stored_input(spec: ContractInput, tensor: Tensor, example: Raw) -> NDArray[np.generic]:
    """Return the input tensor [1, ...] that the file takes for an example."""
    kind = load_input(spec.kind)
    if kind.takes_raw(tensor.dtype):
        cached = kind.steps_to_cache(spec)
        values = preprocess.run(cached, example, spec.numbers, kind.steps)
        return np.reshape(values, tensor.shape)
    prepared = prepare_input(spec, [example])
    return tensor.to_stored(prepared)
