"""A float32 program and the ranges of its model in, the range of each of its values out.

The executor computes what every value holds on the probes, on any machine; that says which value of the model it is.
A program of float16 would not do: its rounded weights blur what tells values apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import MULTIPLYING, ActivationRange, ActivationRanges
from edgebake.runtimes.coreml import package, picture
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, float_values

Seen = dict[str, list[NDArray[Any]]]  # by the value, one array for each probe


@dataclass(frozen=True)
class ProbeValues:
    """The float values of a program beside the ranges of the model that it was converted from."""

    ranges: ActivationRanges
    seen: Seen

    def range_of(self, value: str) -> ActivationRange:
        """Return the range of a value.

        Raises:
            ConversionError: it is not known: the program does not compute it, or no value of the model is like it.
        """
        if value not in self.seen:
            raise ConversionError(
                f"tensor {value}: the float32 program has none of this name; expected its range there"
            )
        return self.ranges.lookup(self.seen[value], value)

    def inside(self, kept: dict[str, list[str]]) -> set[str]:
        """Return the program's values that are values of kept layers; none of a padding that Core ML fuses away.

        Raises:
            ConversionError: a layer with weights has none.
        """
        names = {value: self._names(value) for value in self.seen}
        found: set[str] = set()
        for layer, wanted in kept.items():
            mine = {value for value, alike in names.items() if alike.intersection(wanted)}
            if not mine and any(value.endswith(MULTIPLYING) for value in wanted):
                raise ConversionError(
                    f"layer {layer}: the ML Program computes none of its values; expected some to keep"
                )
            found |= mine
        return found

    def _names(self, value: str) -> set[str]:
        """Return what a value may be called in the ranges; nothing for one that is not the model's, such as pixels."""
        try:
            return {one.name for one in self.ranges.matches(self.seen[value], value)}
        except ConversionError:
            return set()


def compute_values(
    files: dict[str, bytes], pixels: NDArray[np.uint8], ranges: ActivationRanges
) -> ProbeValues:
    """Return the values of a program, given the probes as pixels uint8 [n, h, w, c], channels in the model's order."""
    read = package.read(files)
    executor = Executor(read, Arithmetic.float32, read=float_values(read_program(read)))
    seen: Seen = {}
    for image in picture.to_picture(pixels, read):
        fed = {"image": image[np.newaxis]}
        for name, value in {**fed, **executor.predict(fed)}.items():
            seen.setdefault(name, []).append(value)
    return ProbeValues(ranges, seen)
