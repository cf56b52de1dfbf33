"""A float .tflite as its operators and tensors, and what each tensor holds on probes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.models.activation_ranges import MULTIPLYING, ActivationRange, ActivationRanges
from edgebake.models.quantized_model import QuantizedModel

_OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}


@dataclass(frozen=True)
class Layer:
    """One operator of LiteRT, with what it has fused into it: the unit that is quantized or kept."""

    tensor: str  # its output
    operator: str  # CONV_2D for one
    name: str  # of the Keras layer
    range: ActivationRange  # of its output
    values: list[str]  # inside it, by their names in ranges

    @property
    def is_weighted(self) -> bool:
        """Return whether it multiplies by weights."""
        return self.operator in (
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "FULLY_CONNECTED",
            "TRANSPOSE_CONV",
        )


@dataclass(frozen=True)
class CalibratedModel:
    """A float .tflite beside the ranges of the model that it was converted from."""

    model: bytes
    ranges: ActivationRanges

    @cached_property
    def known(self) -> dict[str, list[ActivationRange]]:
        """Return, for every computed float tensor, the ranges of the values that it may be, the nearest first."""
        return {
            name: self.ranges.matches(seen, name)
            for name, seen in _observed(self.model, self.ranges.probes).items()
        }

    @cached_property
    def ranged(self) -> dict[str, tuple[float, float]]:
        """Return low and high of every tensor."""
        return {
            name: (min(one.low for one in alike), max(one.high for one in alike))
            for name, alike in self.known.items()
        }

    @cached_property
    def layers(self) -> list[Layer]:
        """Return the operators in the order in which they run."""
        content = _read(self.model)
        graph = content.subgraphs[0]
        return [self._layer(content, graph, item) for item in graph.operators]

    def _layer(self, content: Any, graph: Any, item: Any) -> Layer:
        code = content.operatorCodes[item.opcodeIndex]
        tensor = graph.tensors[item.outputs[0]].name.decode()
        inside = self._inside(tensor)
        operator = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        return Layer(tensor, operator, shorten_name(inside), self._own(tensor)[0], inside)

    def _own(self, tensor: str) -> list[ActivationRange]:
        """Return the ranges of what a tensor is called; of all that it may be where it has a name of its own.

        Values that are dead look alike; LiteRT's names, TensorFlow's joined by `;`, then tell them apart.
        """
        alike = self.known[tensor]
        names = {tensor, *tensor.split(";")}  # a brought .tflite names its own values
        return [one for one in alike if one.name in names] or alike

    def _inside(self, tensor: str) -> list[str]:
        """Return the values that a layer computes on the way from its inputs, other layers' outputs, in this order."""
        # Twins of a border are borders too, but all that is dead is a twin of all that is dead.
        borders = {
            one.name
            for each in self.known
            for one in self._own(each)
            if not one.is_empty or one.name in {each, *each.split(";")}
        }
        sources = {one.name: one.sources for one in self.ranges.entries}
        inside = {one.name for one in self._own(tensor)}
        waiting = list(inside)
        while waiting:
            fresh = [name for name in sources[waiting.pop()] if name not in borders | inside]
            inside |= set(fresh)
            waiting += fresh
        return [name for name in sources if name in inside]


def shorten_name(values: list[str]) -> str:
    """Return a Keras layer's name out of TensorFlow's for what is inside: functional_1/conv2d_3_1/Relu6 is of conv2d_3.

    The layer with the weights names them all.
    """
    multiplying = [value for value in values if value.endswith(MULTIPLYING)]
    _, *scopes = (multiplying or values)[0].split("/")
    if len(scopes) < 2:
        return values[0].rpartition("/")[2]
    return scopes[0].rpartition("_")[0] or scopes[0]  # Keras' scopes end in a number of their own


def _read(model: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(model), 0))


def _observed(model: bytes, probes: NDArray[np.float32]) -> dict[str, list[NDArray[np.float32]]]:
    interpreter = Interpreter(
        model_content=model, num_threads=1, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    computed = dict(_computed(_read(model)))
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in computed.values()}
    for number in range(len(probes)):
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], probes[number : number + 1]
        )
        interpreter.invoke()
        for index, name in computed.items():
            found[name].append(interpreter.get_tensor(index).copy())
    return found


def _computed(content: Any) -> Iterator[tuple[int, str]]:
    """Yield index and name of the input and of each float tensor that an operator writes."""
    graph = content.subgraphs[0]
    for index in [*graph.inputs, *(index for item in graph.operators for index in item.outputs)]:
        if graph.tensors[index].type == schema.TensorType.FLOAT32:
            yield index, graph.tensors[index].name.decode()


def load_source(quantized: QuantizedModel) -> Any:
    """Return a live model of Keras, or the bytes of an imported .tflite."""
    return (
        quantized.archive if quantized.format == "tflite" else keras_session.load(quantized.archive)
    )


def to_float_tflite(model: Any) -> bytes:
    """Return a model as a float32 .tflite without metadata."""
    return model if isinstance(model, bytes) else bytes(converter(model).convert())


def converter(model: Any) -> Any:
    """Return TensorFlow's converter for a live model of Keras."""
    import tensorflow

    # The variables are constants by now. Handing over the Keras model as second argument would leave them out of the
    # file without an error.
    return tensorflow.lite.TFLiteConverter.from_concrete_functions(
        [keras_session.frozen_graph(model)]
    )
