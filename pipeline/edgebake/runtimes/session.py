"""Types that all runtimes share: tensors and operators of a converted file, and a session."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import listed
from edgebake.tasks import tensors
from edgebake.tasks.tensors import Feeds

READ_AT_ONCE = 64  # examples, for speed alone
IMAGE = "image"  # the dtype of an input that takes pixels, uint8, and scales them inside

# Kind and output of an operator, as text for messages, and the values of the output.
ValueTrace = Iterable[tuple[str, NDArray[Any]]]


class OperatorCount(TypedDict):
    """One row of `operators` in inspection.json."""

    operator: str
    dtypes: list[str]
    count: int


@dataclass(frozen=True)
class Tensor:
    """One input or output; real value = (stored - zero_point) * scale if `scale` is set."""

    name: str
    shape: list[int]
    dtype: str
    layout: str  # NHWC for an image, NC for one number per class, else values
    scale: float | None = None
    zero_point: int | None = None

    @property
    def is_image(self) -> bool:
        """Return whether the file takes the image itself."""
        return self.dtype == IMAGE

    def to_stored(self, real: NDArray[Any]) -> NDArray[Any]:
        """Quantize real values of any shape to this tensor's dtype.

        Values are rounded half to even and clipped to the range of the dtype. Without a scale they
        are only cast.

        Raises:
            ValueError: the tensor takes whole numbers as they are, and some are not whole.
        """
        if self.scale is None or self.zero_point is None:
            return self._cast(real)
        limits = np.iinfo(self.dtype)
        exact_steps = real / self.scale + self.zero_point
        steps = np.rint(exact_steps)
        clipped = steps.clip(limits.min, limits.max)
        stored: NDArray[Any] = clipped.astype(self.dtype)
        return stored

    def _cast(self, real: NDArray[Any]) -> NDArray[Any]:
        stored: NDArray[Any] = real.astype(self.dtype)
        if np.issubdtype(stored.dtype, np.integer) and not np.array_equal(stored, real):
            raise ValueError(f"{self.name}: {self.dtype} without a scale; expected whole numbers")
        return stored

    def to_real(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Dequantize stored values of any shape to float32."""
        if self.scale is None or self.zero_point is None:
            return stored.astype(np.float32)
        scale = np.float32(self.scale)
        steps = stored.astype(np.float32) - self.zero_point
        return steps * scale


@dataclass(frozen=True, order=True)
class Operator:
    """One operator of a converted file and the dtypes of its activations."""

    name: str
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """Inputs, outputs, operators and tensors of a converted file."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: list[Operator]
    tensors: dict[str, int]  # dtype -> number of tensors, constants included
    # Number of casts at input and output, or of QDQ nodes, which are parts of integer kernels.
    boundaries: dict[str, int] = field(default_factory=dict)
    # Kinds of the operators of normalizations, one entry for each operator.
    normalizations: list[str] = field(default_factory=list)

    @property
    def input(self) -> Tensor:
        """Return the only input.

        Raises:
            ValueError: there are several.
        """
        (tensor,) = self.inputs
        return tensor

    @property
    def output(self) -> Tensor:
        """Return the only output.

        Raises:
            ValueError: there are several.
        """
        (tensor,) = self.outputs
        return tensor

    def operator_counts(self) -> list[OperatorCount]:
        """Return each kind of operator once, with its count, sorted by name and dtypes."""
        counts = Counter(self.operators)
        rows: list[OperatorCount] = []
        for operator, count in sorted(counts.items()):
            row = OperatorCount(operator=operator.name, dtypes=list(operator.dtypes), count=count)
            rows.append(row)
        return rows

    def float_operators(self) -> list[str]:
        """Return the names of all operators that compute on floats or on unknown dtypes, sorted."""
        names = []
        for operator in self.operators:
            dtypes = operator.dtypes
            if any(_may_be_float(dtype) for dtype in dtypes):
                names.append(operator.name)
        return sorted(names)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of inspection.json, which `inputs_of` and `outputs_of` read.

        It names one tensor as `input` and `output`, and several as `inputs` and `outputs`.
        """
        tensors = sorted(self.tensors.items())
        boundaries = sorted(self.boundaries.items())
        ends: dict[str, Any] = {}
        for end, listed_tensors in (("input", self.inputs), ("output", self.outputs)):
            entries = [asdict(tensor) for tensor in listed_tensors]
            if len(entries) == 1:
                ends[end] = entries[0]
            else:
                ends[f"{end}s"] = entries
        return {
            **ends,
            "operators": self.operator_counts(),
            "tensors": dict(tensors),
            "boundaries": dict(boundaries),
        }


def inputs_of(document: Mapping[str, Any]) -> list[Tensor]:
    """Return the inputs that the content of an inspection.json names."""
    return _tensors_of(document, "input")


def outputs_of(document: Mapping[str, Any]) -> list[Tensor]:
    """Return the outputs that the content of an inspection.json names."""
    return _tensors_of(document, "output")


def _tensors_of(document: Mapping[str, Any], end: str) -> list[Tensor]:
    if end in document:
        return [Tensor(**document[end])]
    return [Tensor(**entry) for entry in document[f"{end}s"]]


def input_layout(name: str) -> str:
    """Return the layout of the input of a name."""
    return "NHWC" if name == tensors.IMAGE else "values"


def output_layout(shape: Sequence[int]) -> str:
    """Return the layout of an output of a shape, which includes the batch."""
    return "NC" if len(shape) == 2 else "values"


def _may_be_float(dtype: str) -> bool:
    return dtype.startswith("float") or dtype == "unknown"


class Session(Protocol):
    """A loaded file that runs one example at a time.

    Feeding, running and reading are three calls, so that `invoke` can be timed alone.
    """

    def feed(self, example: Feeds) -> None:
        """Set every input by its name, each [1, ...]: float32 or int32, or uint8 of an image.

        Raises:
            ValueError: an input is missing.
        """

    def invoke(self) -> None:
        """Run the model on the current input."""

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of the last run by name, each float32 [1, ...]."""


class Examples(Protocol):
    """Inputs of examples by name, of which slices are read on demand."""

    def __len__(self) -> int:
        """Return the number of examples, n."""

    def __getitem__(self, rows: slice, /) -> Feeds:
        """Return the inputs of a slice by name, each [rows, ...]."""


class Sliceable(Protocol):
    """An array [n, ...], or an object that reads slices of one on demand."""

    def __len__(self) -> int:
        """Return the number of rows, n."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return the rows of a slice, [rows, ...]."""


@dataclass(frozen=True)
class NamedExamples:
    """Examples of arrays, or of what reads slices of them, by the name of the input."""

    inputs: Mapping[str, Sliceable]

    def __len__(self) -> int:
        """Return the number of examples, n."""
        return min(len(values) for values in self.inputs.values())

    def __getitem__(self, rows: slice) -> Feeds:
        """Return the inputs of a slice by name, each [rows, ...]."""
        return {name: values[rows] for name, values in self.inputs.items()}


def values_for(name: str, feeds: Feeds) -> NDArray[Any]:
    """Return what an input of a file is fed, [n, ...].

    Raises:
        ValueError: nothing.
    """
    if name not in feeds:
        raise ValueError(f"nothing is fed to the input {name!r}; there is: {listed(feeds)}")
    return feeds[name]


def predictions(session: Session, examples: Examples) -> dict[str, NDArray[np.float32]]:
    """Run examples one by one; return every output by name, float32 [n, ...]."""
    collected: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(examples), READ_AT_ONCE):
        end = start + READ_AT_ONCE
        for example in tensors.single_examples(examples[start:end]):
            session.feed(example)
            session.invoke()
            outputs = session.read()
            for name, output in outputs.items():
                values = collected.setdefault(name, [])
                values.append(output[0].copy())
    stacked = {}
    for name, values in collected.items():
        stacked[name] = np.stack(values)
    return stacked


def single_output(outputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the output, float32 [n, ...], of a model that has exactly one.

    Raises:
        ValueError: there are more, or none.
    """
    if len(outputs) != 1:
        names = ", ".join(outputs)
        raise ValueError(f"expected one output, not {len(outputs)}: {names}")
    (output,) = outputs.values()
    return output
