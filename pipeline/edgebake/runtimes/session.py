"""A loaded file, its tensors and what is inside it: the types that every runtime shares."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

READ_AT_ONCE = 64  # examples, for speed alone
IMAGE = "image"  # the dtype of an input that takes pixels, uint8, and scales them inside


@dataclass(frozen=True)
class Tensor:
    """One input or output; real value = (stored - zero_point) * scale where scale is not none."""

    name: str
    shape: list[int]
    dtype: str
    layout: str  # NHWC for an image, NC for one number per class
    scale: float | None = None
    zero_point: int | None = None

    @property
    def is_image(self) -> bool:
        """Return whether the file takes the image itself."""
        return self.dtype == IMAGE

    def to_stored(self, real: NDArray[np.float32]) -> NDArray[Any]:
        """Return real values in this tensor's dtype, rounded to even and clipped to its range."""
        if self.scale is None or self.zero_point is None:
            return real.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        steps = np.rint(real / self.scale + self.zero_point)
        stored: NDArray[Any] = steps.clip(limits.min, limits.max).astype(self.dtype)
        return stored

    def to_real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return stored values as real ones, float32."""
        if self.scale is None or self.zero_point is None:
            return stored.astype(np.float32)
        return (stored.astype(np.float32) - self.zero_point) * np.float32(self.scale)


@dataclass(frozen=True, order=True)
class Operator:
    """One operator of a converted file and the dtypes that it computes on, weights aside."""

    name: str
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """All that a converted file says of itself."""

    input: Tensor
    output: Tensor
    operators: list[Operator]
    tensors: dict[str, int]  # dtype -> how many tensors, constants included
    boundaries: dict[str, int] = field(
        default_factory=dict
    )  # casts at the ends; QDQ nodes, parts of integer kernels

    def operator_counts(self) -> list[dict[str, Any]]:
        """Return each kind of operator once, with its count, sorted."""
        counts = sorted(Counter(self.operators).items())
        return [
            {"operator": item.name, "dtypes": list(item.dtypes), "count": count}
            for item, count in counts
        ]

    def float_operators(self) -> list[str]:
        """Return the operators that compute on floats, or on what nobody could tell, sorted; a kind for each of it."""
        return sorted(item.name for item in self.operators if any(map(_may_be_float, item.dtypes)))

    def to_dict(self) -> dict[str, Any]:
        """Return what inspection.json holds."""
        return {
            "input": asdict(self.input),
            "output": asdict(self.output),
            "operators": self.operator_counts(),
            "tensors": dict(sorted(self.tensors.items())),
            "boundaries": dict(sorted(self.boundaries.items())),
        }


def _may_be_float(dtype: str) -> bool:
    return dtype.startswith("float") or dtype == "unknown"


class Session(Protocol):
    """A converted file, loaded: feed one example, invoke, read; split so that invoke alone can be timed."""

    def feed(self, example: NDArray[Any]) -> None:
        """Take one example as the model sees it, float32 [1, h, w, c]; pixels, uint8, where the input is an image."""

    def invoke(self) -> None:
        """Run the model on what was fed."""

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of the last run by their names, float32 with a leading batch of 1: [1, ...]."""


class Examples(Protocol):
    """An array [n, h, w, c], or what reads a part of one when it is asked for it."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, which: slice, /) -> NDArray[Any]:
        """Return some of them."""


def predictions(session: Session, examples: Examples) -> dict[str, NDArray[np.float32]]:
    """Return every output of a file for examples, run one after the other, by its name: float32 [n, ...]."""
    outputs: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(examples), READ_AT_ONCE):
        for example in examples[start : start + READ_AT_ONCE]:
            session.feed(example[np.newaxis])
            session.invoke()
            for name, value in session.read().items():
                outputs.setdefault(name, []).append(value[0].copy())
    return {name: np.stack(values) for name, values in outputs.items()}


def single_output(outputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the output of a model that has one.

    Raises:
        ValueError: there are more, or none.
    """
    if len(outputs) != 1:
        raise ValueError(f"expected one output, not {len(outputs)}: {', '.join(outputs)}")
    return next(iter(outputs.values()))
