"""How much a converted file computes and moves, in words that all runtimes share, and how long that takes at least.

Reads and writes nothing; each runtime counts its own file in pipeline/edgebake/runtimes/<runtime>/workload.py.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import yaml

from edgebake.recipe.device import Compute


class Uncounted(Exception):  # noqa: N818 - not an error: the reason why there is no number
    """Say what of a file cannot be counted."""


@dataclass(frozen=True)
class OperatorWorkload:
    """One operator of a converted file, as it runs: constants are done with, integer kernels are one operator."""

    kind: str  # as the runtime names it
    name: str
    dtype: str  # what it computes in
    macs: int  # multiply-accumulates of one image
    parameters: dict[str, int]  # weights and biases: how many numbers each has
    reads: tuple[str, ...]  # tensors, constants too
    writes: tuple[str, ...]

    @property
    def is_integer(self) -> bool:
        """Return whether it computes in integers."""
        return self.dtype.startswith(("int", "uint"))


@dataclass(frozen=True)
class Workload:
    """One image through a converted file."""

    operations: list[OperatorWorkload]  # in order
    sizes: dict[str, int]  # bytes of each tensor that an operation names, as the file stores it
    constants: frozenset[str]  # names of those that are in the file
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of one image."""
        return sum(one.macs for one in self.operations)

    @property
    def parameters(self) -> int:
        """Return how many numbers all weights and biases have; what operations share counts once."""
        return sum(
            {
                name: size for one in self.operations for name, size in one.parameters.items()
            }.values()
        )

    @property
    def weight_bytes(self) -> int:
        """Return the bytes of all constants that operations read, each counted once."""
        read = {name for one in self.operations for name in one.reads}
        return sum(self.sizes[name] for name in read & self.constants)

    @property
    def activation_peak_bytes(self) -> int:
        """Return the largest sum of activations that are alive at once.

        A tensor lives from the operation that writes it to the last that reads it, the inputs from the start, the
        outputs to the end. A runtime that computes in place needs less, one that pads or packs needs more.
        """
        return max((sum(map(self.sizes.__getitem__, alive)) for alive in _alive(self)), default=0)

    def moved_bytes(self, operation: OperatorWorkload) -> int:
        """Return the bytes that one operation reads and writes if no cache helps it."""
        return sum(self.sizes[name] for name in {*operation.reads, *operation.writes})


def build_workload(
    operations: list[OperatorWorkload],
    size: Callable[[str], int],
    constants: Collection[str],
    ends: tuple[Iterable[str], Iterable[str]],
) -> Workload:
    """Return the workload of a file's operations: of all that the file knows, what they name.

    `size` gives the bytes of a tensor, `ends` are the inputs and the outputs of the file.
    """
    named = {name for one in operations for name in (*one.reads, *one.writes)}
    inputs, outputs = (tuple(name for name in names if name in named) for names in ends)
    return Workload(
        operations,
        {name: size(name) for name in named},
        frozenset(named & set(constants)),
        inputs,
        outputs,
    )


def from_json(text: str) -> Workload:
    """Return a workload that was written by `to_json`.

    Raises:
        Uncounted: there was none; the text says why.
    """
    content: dict[str, Any] = json.loads(text)
    if "uncounted" in content:
        raise Uncounted(content["uncounted"])
    operations = [
        OperatorWorkload(**{**one, "reads": tuple(one["reads"]), "writes": tuple(one["writes"])})
        for one in content.pop("operations")
    ]
    ends = {word: tuple(content.pop(word)) for word in ("inputs", "outputs")}
    return Workload(operations, content["sizes"], frozenset(content["constants"]), **ends)


def to_json(workload: Workload | Uncounted) -> str:
    """Return what workload.json holds: the workload, or why there is none."""
    if isinstance(workload, Uncounted):
        return json.dumps({"uncounted": str(workload)}) + "\n"
    return (
        json.dumps({**asdict(workload), "constants": sorted(workload.constants)}, indent=1) + "\n"
    )


def roofline(workload: Workload, compute: Compute) -> float:
    """Return milliseconds for one image, on one core that always computes or moves at its peak.

    A multiply-accumulate is two operations. Integer operations run at the int8 peak, all others at the float32 one.
    Source: Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009,
    https://doi.org/10.1145/1498765.1498785; summed over the operations, since one waits for another.
    """
    return 1000 * sum(_seconds(workload, one, compute) for one in workload.operations)


def _seconds(workload: Workload, operation: OperatorWorkload, compute: Compute) -> float:
    peak = compute.int8_gops if operation.is_integer else compute.float32_gflops
    computing = 2 * operation.macs / (peak * 1e9)
    moving = workload.moved_bytes(operation) / (compute.memory_gb_s * 1e9)
    return max(computing, moving)


def _alive(workload: Workload) -> Iterable[set[str]]:
    """Yield the activations that are alive while each operation runs."""
    last = {name: number for number, one in enumerate(workload.operations) for name in one.reads}
    last |= dict.fromkeys(workload.outputs, len(workload.operations))
    alive = set(workload.inputs)
    for number, one in enumerate(workload.operations):
        alive |= {*one.writes} | ({*one.reads} - workload.constants)
        yield alive
        alive = {name for name in alive if last.get(name, -1) > number}


def window_macs(answer: Sequence[int], weight: Sequence[int], outputs: int) -> int:
    """Return the multiply-accumulates of a convolution: each number of the answer is one pass over one filter.

    Args:
        answer: shape of what comes out.
        weight: shape of all filters; `outputs` of its numbers count filters.
        outputs: how many filters there are, those of all groups together.
    """
    return prod(answer) * prod(weight) // outputs


def product_macs(answer: Sequence[int], inner: int) -> int:
    """Return the multiply-accumulates of a matrix product whose rows and columns are `inner` long."""
    return prod(answer) * inner


@functools.cache
def weightless_operators(runtime: str) -> frozenset[str]:
    """Return the operators that multiply and accumulate nothing, from <runtime>/operators.yaml."""
    file = Path(__file__).parent / runtime / "operators.yaml"
    return frozenset(yaml.safe_load(file.read_text())["unweighted"])


def unknown_macs(kind: str, counted: Iterable[str]) -> Uncounted:
    """Return the error for an operator of which nobody said how much it computes."""
    return Uncounted(
        f"{kind}: how much it multiplies is not known; known are: {', '.join(sorted(counted))}"
    )
