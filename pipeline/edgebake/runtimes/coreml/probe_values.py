"""Match the values of a float32 ML Program to the activation ranges of its model.

The executor computes every value on the probes, on any machine; the values tell which value
of the model each one is. A float16 program would not do: its rounded weights blur the differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import MULTIPLYING, ActivationRange, ActivationRanges
from edgebake.runtimes.coreml import package, picture
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, float_values
from edgebake.tasks.tensors import Feeds, single_examples


@dataclass(frozen=True)
class ProbeValues:
    """The float values of a program, and the activation ranges of its source model."""

    ranges: ActivationRanges
    arrays: dict[str, list[NDArray[np.floating]]]  # value -> one array per probe

    def range_of(self, value: str) -> ActivationRange:
        """Return the activation range of a value.

        Raises:
            ConversionError: the program does not compute it, or no value of the model matches it.
        """
        if value not in self.arrays:
            raise ConversionError(
                f"tensor {value}: the float32 program has none of this name; "
                "expected its range there"
            )
        return self.ranges.lookup(self.arrays[value], value)

    def inside(self, layers: dict[str, list[str]]) -> set[str]:
        """Return the program's values that match values of the model inside layers.

        A padding that Core ML fuses into another operator has none.

        Args:
            layers: layer -> names of its values in the activation ranges.

        Raises:
            ConversionError: a layer with weights has none.
        """
        candidates = {}
        for value in self.arrays:
            candidates[value] = self._candidate_names(value)
        inside: set[str] = set()
        for layer, names in layers.items():
            matches = set()
            for value, candidate_names in candidates.items():
                if candidate_names.intersection(names):
                    matches.add(value)
            is_weighted = any(name.endswith(MULTIPLYING) for name in names)
            if is_weighted and not matches:
                raise ConversionError(
                    f"layer {layer}: the ML Program computes none of its values; "
                    "expected some to keep"
                )
            inside |= matches
        return inside

    def _candidate_names(self, value: str) -> set[str]:
        """Return the names that a value may have in the activation ranges.

        A value that is not the model's, such as the pixels, has none.
        """
        try:
            matches = self.ranges.matches(self.arrays[value], value)
        except ConversionError:
            return set()
        return {entry.name for entry in matches}


def compute_values(files: dict[str, bytes], probes: Feeds, ranges: ActivationRanges) -> ProbeValues:
    """Compute the values of a float32 program on the probes.

    Args:
        files: of the package.
        probes: an image as pixels uint8 [n, h, w, c], channels in the model's order.
        ranges: activation ranges of the source model.
    """
    contents = package.read(files)
    program = read_program(contents)
    executor = Executor(contents, Arithmetic.float32, extra_outputs=float_values(program))
    arrays: dict[str, list[NDArray[np.floating]]] = {}
    for probe in single_examples(probes):
        inputs = picture.package_inputs(probe, contents)
        values = {name: array for name, array in inputs.items() if array.dtype != np.int32}
        values |= executor.predict(inputs)
        for name, array in values.items():
            arrays_of_value = arrays.setdefault(name, [])
            arrays_of_value.append(array)
    return ProbeValues(ranges, arrays)
