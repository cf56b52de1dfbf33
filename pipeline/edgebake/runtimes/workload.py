"""Workload of a converted file: what it computes and moves, and a lower bound on its latency.

Reads and writes nothing. Each runtime counts its own files in runtimes/<runtime>/workload.py.
"""

import functools
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import yaml

from edgebake.recipe.device import Compute

BYTE_BITS = 8


class Uncounted(Exception):  # noqa: N818 - not an error: the reason why there is no number
    """Reason why the workload of a file cannot be counted."""


@dataclass(frozen=True)
class OperatorWorkload:
    """One operator of a converted file as it runs.

    Work on constants alone is left out; an integer kernel is one operator.
    """

    kind: str  # in the runtime's naming
    name: str
    dtype: str  # in which it computes
    macs: int  # multiply-accumulates of one image
    parameters: dict[str, int]  # weights and biases: number of elements of each
    reads: tuple[str, ...]  # names of tensors, constants included
    writes: tuple[str, ...]

    @property
    def is_integer(self) -> bool:
        """Return whether it computes in integers."""
        return self.dtype.startswith(("int", "uint"))


@dataclass(frozen=True)
class Workload:
    """The work that a converted file does for one image."""

    operations: list[OperatorWorkload]  # in order of execution
    sizes: dict[str, int]  # bytes of each tensor that an operator names, as the file stores it
    constants: frozenset[str]  # names of the tensors that are stored in the file
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of one image."""
        return sum(operator.macs for operator in self.operations)

    @property
    def parameters(self) -> int:
        """Return the number of elements of all weights and biases; shared ones count once."""
        sizes: dict[str, int] = {}
        for operator in self.operations:
            sizes |= operator.parameters
        return sum(sizes.values())

    @property
    def weight_bytes(self) -> int:
        """Return the bytes of all constants that operators read; shared ones count once."""
        read: set[str] = set()
        for operator in self.operations:
            read.update(operator.reads)
        weights = read & self.constants
        return self._bytes_of(weights)

    @property
    def activation_peak_bytes(self) -> int:
        """Return the largest total size of activations that are alive at the same time.

        A tensor lives from the operator that writes it to the last operator that reads it; inputs
        live from the start, outputs to the end. A runtime that computes in place needs less, one
        that pads or packs needs more.
        """
        peak = 0
        for tensors in _live_activations(self):
            alive_bytes = self._bytes_of(tensors)
            peak = max(peak, alive_bytes)
        return peak

    def moved_bytes(self, operator: OperatorWorkload) -> int:
        """Return the bytes that one operator reads and writes without any cache."""
        tensors = {*operator.reads, *operator.writes}
        return self._bytes_of(tensors)

    def _bytes_of(self, tensors: Iterable[str]) -> int:
        return sum(self.sizes[name] for name in tensors)


def build_workload(
    operations: list[OperatorWorkload],
    size: Callable[[str], int],
    constants: Collection[str],
    inputs_and_outputs: tuple[Iterable[str], Iterable[str]],
) -> Workload:
    """Return the workload of a file's operators, limited to the tensors that they name.

    Args:
        operations: the operators in order of execution.
        size: returns the bytes of a tensor.
        constants: all constants of the file.
        inputs_and_outputs: names of the file's inputs, and of its outputs.
    """
    named: set[str] = set()
    for operator in operations:
        named.update(operator.reads, operator.writes)
    sizes = {}
    for name in sorted(named):  # the order of a set differs between processes
        sizes[name] = size(name)
    named_constants = named.intersection(constants)
    inputs, outputs = inputs_and_outputs
    named_inputs = [name for name in inputs if name in named]
    named_outputs = [name for name in outputs if name in named]
    return Workload(
        operations,
        sizes=sizes,
        constants=frozenset(named_constants),
        inputs=tuple(named_inputs),
        outputs=tuple(named_outputs),
    )


def from_json(text: str) -> Workload:
    """Return the workload that `to_json` wrote.

    Raises:
        Uncounted: the workload was not counted; the text holds the reason.
    """
    document: dict[str, Any] = json.loads(text)
    if "uncounted" in document:
        raise Uncounted(document["uncounted"])
    operations = []
    for fields in document["operations"]:
        fields["reads"] = tuple(fields["reads"])
        fields["writes"] = tuple(fields["writes"])
        operation = OperatorWorkload(**fields)
        operations.append(operation)
    return Workload(
        operations,
        sizes=document["sizes"],
        constants=frozenset(document["constants"]),
        inputs=tuple(document["inputs"]),
        outputs=tuple(document["outputs"]),
    )


def to_json(workload: Workload | Uncounted) -> str:
    """Return the content of workload.json: the workload, or the reason why it was not counted."""
    if isinstance(workload, Uncounted):
        reason = {"uncounted": str(workload)}
        return json.dumps(reason) + "\n"
    document = asdict(workload)
    document["constants"] = sorted(workload.constants)
    text = json.dumps(document, indent=1)
    return f"{text}\n"


def roofline(workload: Workload, compute: Compute) -> float:
    """Return the milliseconds for one image on a core that always computes or moves at its peak.

    A multiply-accumulate is two operations. Integer operators run at the int8 peak, all others at
    the float32 peak. Source: Williams, Waterman and Patterson, "Roofline", Communications of the
    ACM 52(4), 2009, https://doi.org/10.1145/1498765.1498785; summed over the operators, since they
    run one after the other.
    """
    seconds = [_seconds(workload, operator, compute) for operator in workload.operations]
    return 1000 * sum(seconds)


def _seconds(workload: Workload, operator: OperatorWorkload, compute: Compute) -> float:
    operations_per_mac = 2
    peak = compute.float32_gflops
    if operator.is_integer:
        peak = compute.int8_gops
    operations = operations_per_mac * operator.macs
    moved_bytes = workload.moved_bytes(operator)
    computing = operations / (peak * 1e9)
    moving = moved_bytes / (compute.memory_gb_s * 1e9)
    return max(computing, moving)


def _live_activations(workload: Workload) -> Iterator[set[str]]:
    """Yield the activations that are alive while each operator runs."""
    operations = workload.operations
    end = len(operations)
    last_reads: dict[str, int] = {}
    for number, operator in enumerate(operations):
        last_reads |= dict.fromkeys(operator.reads, number)
    last_reads |= dict.fromkeys(workload.outputs, end)
    alive = set(workload.inputs)
    for number, operator in enumerate(operations):
        live_inputs = set(operator.reads) - workload.constants
        alive.update(operator.writes)
        alive.update(live_inputs)
        yield alive
        still_read = set()
        for name in alive:
            last_read = last_reads.get(name, -1)
            if last_read > number:
                still_read.add(name)
        alive = still_read


def window_macs(output: Sequence[int], weight: Sequence[int], filters: int) -> int:
    """Return the multiply-accumulates of a convolution: one filter per element of the output.

    Args:
        output: shape of the output.
        weight: shape of all filters together.
        filters: number of filters, over all groups.
    """
    return prod(output) * prod(weight) // filters


def product_macs(output: Sequence[int], inner: int) -> int:
    """Return the multiply-accumulates of a matrix product.

    Args:
        output: shape of the product.
        inner: size of the dimension that is summed over.
    """
    return prod(output) * inner


def dtype_bits(dtype: str) -> int:
    """Return the bits of one element of a dtype; without a number in its name, these are 8."""
    width = re.search(r"\d+", dtype)
    if width is None:
        return BYTE_BITS
    return int(width.group())


def packed_bytes(elements: int, bits: int) -> int:
    """Return the bytes of elements of a number of bits, stored without gaps."""
    total_bits = elements * bits
    return (total_bits + BYTE_BITS - 1) // BYTE_BITS


@functools.cache
def weightless_operators(runtime: str) -> frozenset[str]:
    """Return the operators without multiply-accumulates, from runtimes/<runtime>/operators.yaml."""
    folder = Path(__file__).parent / runtime
    text = (folder / "operators.yaml").read_text()
    kinds = yaml.safe_load(text)["unweighted"]
    return frozenset(kinds)


def unknown_macs(kind: str, counted: Iterable[str]) -> Uncounted:
    """Return the exception for an operator whose multiply-accumulates are not known."""
    known = ", ".join(sorted(counted))
    return Uncounted(f"{kind}: its multiply-accumulates are not known; known operators: {known}")
