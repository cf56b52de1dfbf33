"""Inputs of a model that are made from examples in batches, and cached on disk.

The first steps of an input, such as decoding and resizing an image, are run once. Their result is
then kept in a temporary file, not in memory.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.lazy import read_one
from edgebake.tasks import preprocess
from edgebake.tasks.contract import Contract
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.tensors import ContractInput, Feeds, Raw, Step

# Smaller examples take less time to prepare than threads take to hand over Python's lock.
LARGE = 128 * 128  # pixels of an image, numbers of another input
THREADS = 2  # that prepare; the values are the same for any number

Indices = slice | Sequence[int] | NDArray[np.int64]


class PreparedInput:
    """One input of examples, which can be sliced and indexed like its tensor [n, ...]."""

    def __init__(self, raw: Sequence[Raw], spec: ContractInput) -> None:
        self.spec = spec
        self._raw = raw
        self._kind = load_input(spec.kind)
        cached_steps = self._kind.steps_to_cache(spec)
        self._has_cache = bool(cached_steps)
        self._steps = cached_steps or spec.steps
        first_count = len(self._steps)
        self._last_steps = spec.steps[first_count:]
        self._threads = ThreadPoolExecutor(THREADS)
        self._largest = 0  # size of the largest example so far
        self._cache: _Cache | None = None

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._raw)

    def __getitem__(self, indices: Indices) -> NDArray[Any]:
        """Return some examples as the model's input [n, ...]."""
        values: Any = self.cached(indices)
        if self._last_steps:
            # They compute each number by itself: a batch is the same as one example after another.
            values = self._run(self._last_steps, values)
        dtype = self.spec.tensor.dtype
        tensor: NDArray[Any] = np.asarray(values, dtype)
        return tensor

    def cached(self, indices: Indices) -> NDArray[Any]:
        """Return some examples after the cached steps: images as pixels, uint8 [n, h, w, c]."""
        numbers = self._numbers(indices)
        count = len(numbers)
        if not numbers:
            tensor = self.spec.tensor
            no_examples = (0, *tensor.shape)
            return np.empty(no_examples, tensor.dtype)
        first = self._one(numbers[0])  # its size decides whether threads are worthwhile
        shape = (count, *first.shape)
        values = np.empty(shape, first.dtype)
        values[0] = first

        def fill(rows: range) -> None:
            for row in rows:
                number = numbers[row]
                values[row] = self._one(number)

        rest = range(1, count)
        if self._largest < LARGE:
            fill(rest)
            return values
        shares = []
        for start in range(THREADS):
            share = rest[start::THREADS]
            shares.append(share)
        for _ in self._threads.map(fill, shares):
            pass  # raises what a thread raised
        return values

    def _numbers(self, indices: Indices) -> Sequence[int]:
        """Return the numbers of the examples that are indexed."""
        if isinstance(indices, slice):
            every_number = range(len(self))
            return every_number[indices]
        return [int(index) for index in indices]

    def _run(self, steps: Sequence[Step], values: Any) -> Any:
        registry = self._kind.steps
        return preprocess.run(steps, values, self.spec.numbers, registry)

    def _one(self, number: int) -> NDArray[Any]:
        """Return one example from the cache; read it, run the steps and cache it the first time."""
        cache = self._cache
        if cache is not None and cache.has(number):
            return cache.read(number)
        raw = read_one(self._raw, number)
        size = self._kind.size(raw)
        self._largest = max(self._largest, size)
        made = np.asarray(self._run(self._steps, raw))
        shape = self.spec.tensor.shape
        values = np.reshape(made, shape)
        if self._has_cache:
            if self._cache is None:
                self._cache = _Cache(len(self), values)
            self._cache.write(number, values)
        return values


class _Cache:
    """Arrays of one shape and dtype in a temporary file, by number."""

    def __init__(self, count: int, like: NDArray[Any]) -> None:
        self._shape = like.shape
        self._dtype = like.dtype
        self._bytes = like.nbytes
        self._has = np.zeros(count, bool)
        # A temporary folder of the system may be in memory.
        folder = None
        if artifacts.ROOT.is_dir():
            folder = artifacts.ROOT
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - of the object

    def has(self, number: int) -> bool:
        return bool(self._has[number])

    def read(self, number: int) -> NDArray[Any]:
        descriptor = self._file.fileno()
        offset = number * self._bytes
        stored = os.pread(descriptor, self._bytes, offset)
        values = np.frombuffer(stored, self._dtype)
        return values.reshape(self._shape)

    def write(self, number: int, values: NDArray[Any]) -> None:
        descriptor = self._file.fileno()
        offset = number * self._bytes
        os.pwrite(descriptor, values.tobytes(), offset)
        self._has[number] = True


@dataclass(frozen=True)
class CachedInput:
    """An input for files that do the last steps inside: images resized, not normalized."""

    prepared: PreparedInput

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.prepared)

    def __getitem__(self, indices: slice) -> NDArray[Any]:
        """Return some examples after the cached steps, [n, ...]."""
        return self.prepared.cached(indices)


@dataclass(frozen=True)
class FedInputs:
    """Inputs by name, each a tensor or what a file takes in its place."""

    inputs: Mapping[str, PreparedInput | CachedInput]

    def __len__(self) -> int:
        """Return the number of examples."""
        lengths = [len(values) for values in self.inputs.values()]
        return min(lengths)

    def __getitem__(self, rows: slice) -> Feeds:
        """Return some examples by the name of the input."""
        feeds = {}
        for name, values in self.inputs.items():
            feeds[name] = values[rows]
        return feeds


class PreparedInputs:
    """The inputs of examples by name: slices are feeds of a session."""

    def __init__(self, *prepared: PreparedInput) -> None:
        self._by_name: dict[str, PreparedInput] = {}
        for prepared_input in prepared:
            name = prepared_input.spec.name
            self._by_name[name] = prepared_input

    def __len__(self) -> int:
        """Return the number of examples."""
        lengths = [len(prepared) for prepared in self._by_name.values()]
        return min(lengths)

    def __getitem__(self, rows: slice) -> Feeds:
        """Return some examples by the name of the input."""
        feeds = {}
        for name, prepared in self._by_name.items():
            feeds[name] = prepared[rows]
        return feeds

    @property
    def single(self) -> PreparedInput:
        """Return the only input."""
        (only,) = self._by_name.values()
        return only

    def fed_to(self, dtypes: Mapping[str, str]) -> FedInputs:
        """Return what a file takes whose inputs have these dtypes, by name."""
        fed: dict[str, PreparedInput | CachedInput] = {}
        for name, prepared in self._by_name.items():
            kind = load_input(prepared.spec.kind)
            dtype = dtypes.get(name, "")
            if kind.takes_raw(dtype):
                fed[name] = CachedInput(prepared)
            else:
                fed[name] = prepared
        return FedInputs(fed)


def prepare(raw: Sequence[Raw], contract: Contract) -> PreparedInputs:
    """Return the examples of a contract's only input, which are prepared when they are read."""
    prepared = PreparedInput(raw, contract.single_input)
    return PreparedInputs(prepared)
