"""Match the tensors of a float .tflite to the activation ranges of its source model.

The tensors are recognized by the values that they hold on probe images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.models.activation_ranges import (
    MULTIPLYING,
    ActivationRange,
    ActivationRanges,
    enclosing_bounds,
)
from edgebake.models.quantized_model import QuantizedModel
from edgebake.models.tflite import from_keras, tables
from edgebake.runtimes.litert.integer_form import integer_form
from edgebake.runtimes.session import values_for
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Ends, Feeds, single_examples

if TYPE_CHECKING:
    import keras

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


@dataclass(frozen=True)
class Layer:
    """One operator of LiteRT with all that is fused into it: the unit of mixed precision."""

    tensor: str  # its output
    operator: str  # e.g. CONV_2D
    name: str  # of the Keras layer
    range: ActivationRange  # of its output
    values: list[str]  # that it computes, by their names in the activation ranges

    @property
    def is_weighted(self) -> bool:
        """Return whether it multiplies by weights."""
        return self.operator in WEIGHTED


@dataclass(frozen=True)
class CalibratedModel:
    """A float .tflite and the activation ranges of the model that it was converted from."""

    model: bytes
    ranges: ActivationRanges

    @classmethod
    def from_source(
        cls, source: keras.Model | bytes, ranges: ActivationRanges, ends: Ends = IMAGE_CLASSIFIER
    ) -> CalibratedModel:
        """Convert a live Keras model, or an imported .tflite, to the form for integer kernels."""
        return cls(integer_form(to_float_tflite(source, ends)), ranges)

    def compute_values(
        self, examples: Feeds, names: Collection[str] | None = None
    ) -> dict[str, list[NDArray[np.float32]]]:
        """Run examples; return the values of float tensors, one array [1, ...] per example.

        Args:
            examples: as a model is fed, float inputs preprocessed.
            names: of the tensors; None: the inputs and all that the file computes.
        """
        interpreter = Interpreter(
            model_content=self.model, num_threads=1, experimental_preserve_all_tensors=True
        )
        interpreter.allocate_tensors()
        inputs = {detail["index"]: detail["name"] for detail in interpreter.get_input_details()}
        tensors = dict(_float_tensors(tables.parse_tables(self.model)))
        values: dict[str, list[NDArray[np.float32]]] = {}
        for example in single_examples(examples):
            for index, name in inputs.items():
                interpreter.set_tensor(index, values_for(name, example))
            interpreter.invoke()
            for index, name in tensors.items():
                if names is None or name in names:
                    tensor = interpreter.get_tensor(index)
                    values.setdefault(name, []).append(tensor.copy())
        return values

    @cached_property
    def candidates(self) -> dict[str, list[ActivationRange]]:
        """Return, by computed float tensor, the ranges of the values that it may be, nearest first.

        Raises:
            ConversionError: no value of the source model matches a tensor.
        """
        candidates = {}
        probe_values = self.compute_values(self.ranges.probes)
        for name, values in probe_values.items():
            candidates[name] = self.ranges.matches(values, name)
        return candidates

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Return low and high of every tensor, over all of its candidates."""
        return enclosing_bounds(self.candidates)

    @cached_property
    def layers(self) -> list[Layer]:
        """Return the operators that write a float tensor, in order of execution."""
        model = tables.parse_tables(self.model)
        graph = model.subgraphs[0]
        layers = []
        for operator in graph.operators:
            names = [graph.tensors[index].name.decode() for index in operator.outputs]
            tensors = [name for name in names if name in self.candidates]
            if tensors:
                code = model.operatorCodes[operator.opcodeIndex]
                layers.append(self._layer(tables.builtin_name(code), tensors[0]))
        return layers

    def tensors_computing(self, values: set[str]) -> list[str]:
        """Return the output tensors of the layers that compute any of these values."""
        tensors = []
        for layer in self.layers:
            if values.intersection(layer.values):
                tensors.append(layer.tensor)
        return tensors

    def _layer(self, operator: str, tensor: str) -> Layer:
        values = self._computed_values(tensor)
        return Layer(
            tensor=tensor,
            operator=operator,
            name=shorten_name(values),
            range=self._ranges_of(tensor)[0],
            values=values,
        )

    def _ranges_of(self, tensor: str) -> list[ActivationRange]:
        """Return the candidates whose names are those of the tensor; without such, all candidates.

        Constant values all look alike; then only LiteRT's names tell them apart, which are names of
        TensorFlow's values joined by `;`.
        """
        candidates = self.candidates[tensor]
        names = _value_names(tensor)
        named = [candidate for candidate in candidates if candidate.name in names]
        return named or candidates

    def _computed_values(self, tensor: str) -> list[str]:
        """Return the values between a layer's inputs and its output, in order of computation.

        Inputs of a layer are outputs of other layers.
        """
        sources = {entry.name: entry.sources for entry in self.ranges.entries}
        outputs = self._ranges_of(tensor)
        computed = {candidate.name for candidate in outputs}
        pending = list(computed)
        while pending:
            value = pending.pop()
            for source in sources[value]:
                is_input = source in self._boundary_values
                if not is_input and source not in computed:
                    computed.add(source)
                    pending.append(source)
        return [name for name in sources if name in computed]

    @cached_property
    def _boundary_values(self) -> set[str]:
        """Return the values that are outputs of layers.

        Values equal to an output count as outputs too. Constant values are all equal to each other,
        so of these only the ones that a tensor is named after count.
        """
        names = set()
        for tensor in self.candidates:
            tensor_names = _value_names(tensor)
            for candidate in self._ranges_of(tensor):
                name = candidate.name
                if not candidate.is_empty or name in tensor_names:
                    names.add(name)
        return names


def _value_names(tensor: str) -> set[str]:
    """Return the names in the name of a tensor; an imported .tflite names its own values."""
    return {tensor, *tensor.split(";")}


def shorten_name(values: list[str]) -> str:
    """Return the Keras layer that computes values of TensorFlow, by the value with the weights.

    For example, functional_1/conv2d_3_1/Relu6 belongs to conv2d_3.
    """
    weighted = [value for value in values if value.endswith(MULTIPLYING)]
    first = values[0]
    representative = [*weighted, first][0]
    _, *scopes = representative.split("/")
    if len(scopes) < 2:
        _, _, last = first.rpartition("/")
        return last
    scope = scopes[0]
    # Keras adds a number to the name of a layer in its scope.
    layer, _, _ = scope.rpartition("_")
    return layer or scope


def _float_tensors(model: schema.ModelT) -> Iterator[tuple[int, str]]:
    """Yield index and name of each float input, and of each float tensor that an operator writes.

    Tensors that nothing reads have no values.
    """
    graph = model.subgraphs[0]
    indices = [*graph.inputs]
    read = {*graph.outputs}
    for operator in graph.operators:
        read.update(operator.inputs)
    for operator in graph.operators:
        indices.extend(index for index in operator.outputs if index in read)
    for index in indices:
        tensor = graph.tensors[index]
        if tensor.type == schema.TensorType.FLOAT32:
            yield index, tensor.name.decode()


def load_source(quantized: QuantizedModel) -> keras.Model | bytes:
    """Return the live Keras model, or the bytes of an imported .tflite."""
    if quantized.format == "tflite":
        return quantized.archive
    model: keras.Model = keras_session.load(quantized.archive)
    return model


def to_float_tflite(model: keras.Model | bytes, ends: Ends = IMAGE_CLASSIFIER) -> bytes:
    """Return a model as a float32 .tflite without metadata."""
    if isinstance(model, bytes):
        return model
    return from_keras.to_tflite(model, ends)
