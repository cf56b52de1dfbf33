"""Batch normalization folding of a whole Keras model, in float."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.quantization.qat import batch_norm_folding, graph
from edgebake.compression.quantization.qat.batch_norm_folding import LayerWeights
from edgebake.compression.quantization.qat.graph import ModelGraph
from edgebake.errors import ConversionError
from edgebake.models.keras_graph import activation, functional, kind, leaf_layers

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

FUSED = ("linear", "relu", "relu6")  # activations that every runtime computes inside a layer
# Relative to the largest magnitude in a tensor. Float32 sums in another order differ by less
# than 1e-5.
TOLERANCE = 1e-4
SAMPLES = 4
BYTES = 256  # ids of a model without a table


@dataclass(frozen=True)
class FoldedModel:
    """A model without batch normalization, and the unfolded weights of its layers by name."""

    model: keras.Model
    original_weights: dict[str, LayerWeights]


def fold_batch_norms(model: keras.Model) -> FoldedModel:
    """Fold each batch normalization into the convolution or dense layer in front of it.

    Without such a layer it becomes a 1x1 depthwise convolution. An activation that no runtime
    fuses becomes a layer of its own, `<layer>_<activation>`.

    Raises:
        ConversionError: the model cannot be rewritten, or the folded model computes something else.
    """
    model = functional(model)
    model_graph = graph.read(model)
    batch_norms = _following_batch_norms(model_graph)
    absorbed = {batch_norm.name for batch_norm in batch_norms.values()}
    operations = model_graph.operations
    weights = {}
    for name, operation in operations.items():
        if _is_weighted(operation):
            batch_norm = batch_norms.get(name)
            weights[name] = batch_norm_folding.from_layer(operation, batch_norm)
    for name, operation in operations.items():
        if _is_batch_norm(operation) and name not in absorbed:
            _refuse_unfoldable(operation, model_graph)
            weights[name] = batch_norm_folding.from_batch_norm(operation)
    rewriter = _Rewriter(set(weights), absorbed)
    folded = rewriter.rewrite(model)
    for name, unfolded_weights in weights.items():
        layer = folded.get_layer(name)
        folded_weights = batch_norm_folding.fold(unfolded_weights)
        layer.set_weights(folded_weights)
    copy_statistics(model, folded)
    copy_tables(model, folded)
    _check_layer_outputs(model, model_graph, folded, batch_norms)
    return FoldedModel(folded, weights)


def clone(layer: keras.Layer) -> keras.Layer:
    """Return a new layer with the same configuration; its weights are not built."""
    config = layer.get_config()
    return layer.__class__.from_config(config)


def copy_statistics(source: keras.Model, destination: keras.Model) -> None:
    """Copy the data statistics of Normalization layers to the layers of the same name."""
    for layer in source.layers:
        if kind(layer) == "Normalization" and layer.weights:
            copy = destination.get_layer(layer.name)
            copy.set_weights(layer.get_weights())
            copy.finalize_state()


def copy_tables(source: keras.Model, destination: keras.Model) -> None:
    """Copy the tables that ids look up to the layers of the same name."""
    for table in tables(source):
        copy = destination.get_layer(table.name)
        copy.set_weights(table.get_weights())


def tables(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model that look up ids."""
    return [layer for layer in leaf_layers(model) if kind(layer) == graph.TABLE]


def check_same_outputs(model: keras.Model, rewritten: keras.Model) -> None:
    """Compare all outputs of two models on the same random inputs.

    Raises:
        ConversionError: an output differs by more than TOLERANCE.
    """
    import keras

    inputs = random_inputs(model)
    expected_outputs = model(inputs, training=False)
    actual_outputs = rewritten(inputs, training=False)
    outputs = zip(
        model.outputs,
        keras.tree.flatten(expected_outputs),
        keras.tree.flatten(actual_outputs),
        strict=True,
    )
    for tensor, expected, actual in outputs:
        difference = _relative_difference(np.array(expected), np.array(actual))
        if not difference <= TOLERANCE:  # also true for NaN
            raise ConversionError(
                f"output {tensor.name!r}: the rewritten model differs by {difference:.2g} of the "
                f"largest value; expected at most {TOLERANCE:g}"
            )


def random_inputs(model: keras.Model) -> NDArray[np.generic]:
    """Return examples [4, ...] that a model of one input takes: floats from -1 to 1, or ids.

    As floats between -1 and 1, all ids would be 0, and only one row of a table would be compared.
    """
    tensor = model.inputs[0]
    shape = (SAMPLES, *tensor.shape[1:])
    random = np.random.default_rng(0)
    if tensor.dtype.startswith(("int", "uint")):
        return random.integers(0, _id_count(model), shape, tensor.dtype)
    return random.uniform(-1, 1, shape).astype(np.float32)


def _id_count(model: keras.Model) -> int:
    """Return the number of rows that every table of a model has."""
    counts = [table.input_dim for table in tables(model)]
    return min(counts, default=BYTES)


def _relative_difference(expected: np.ndarray, actual: np.ndarray) -> float:
    magnitudes = np.abs(expected)
    differences = np.abs(expected - actual)
    largest = max(magnitudes.max(), 1e-9)
    return float(differences.max() / largest)


def _is_weighted(operation: keras.Operation) -> bool:
    return kind(operation) in graph.WEIGHTED


def _is_batch_norm(operation: keras.Operation) -> bool:
    return kind(operation) == "BatchNormalization"


def _following_batch_norms(model_graph: ModelGraph) -> dict[str, keras.Layer]:
    """Return the batch normalization that is the only reader of a layer, by name of the layer."""
    batch_norms = {}
    for name, operation in model_graph.operations.items():
        if not _is_weighted(operation) or activation(operation) != "linear":
            continue
        reader = model_graph.only_reader(name)
        if reader is not None and _is_batch_norm(reader):
            output = model_graph.outputs[name]
            _refuse_other_axis(reader, len(output.shape))
            batch_norms[name] = reader
    return batch_norms


def _refuse_other_axis(batch_norm: keras.Layer, axes: int) -> None:
    if batch_norm.axis not in (-1, axes - 1):
        raise ConversionError(
            f"layer {batch_norm.name!r}: normalizes axis {batch_norm.axis}; "
            "expected the last one, the channels"
        )


def _refuse_unfoldable(batch_norm: keras.Layer, model_graph: ModelGraph) -> None:
    """Refuse a batch normalization that is no depthwise convolution either."""
    output = model_graph.outputs[batch_norm.name]
    axes = len(output.shape)
    if axes != 4:
        raise ConversionError(
            f"layer {batch_norm.name!r}: batch normalization of {axes} axes has no linear layer in "
            "front to fold into; expected one, or images [n, h, w, c]"
        )
    _refuse_other_axis(batch_norm, axes)


@dataclass
class _Rewriter:
    """Copies a model without the absorbed batch normalizations; weights are set later."""

    weighted: set[str]  # layers that get a kernel and a bias
    absorbed: set[str]  # batch normalizations that are folded into the layer before them
    separate_activations: dict[str, keras.Layer] = field(default_factory=dict)

    def rewrite(self, model: keras.Model) -> keras.Model:
        """Return the copy, its weights not set."""
        import keras

        return keras.models.clone_model(
            model, clone_function=self._copy_layer, call_function=self._call_layer
        )

    def _copy_layer(self, layer: keras.Layer) -> keras.Layer:
        import keras

        if layer.name not in self.weighted:
            return clone(layer)
        if _is_batch_norm(layer):
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        config = layer.get_config()
        config["use_bias"] = True
        if activation(layer) not in FUSED:
            function = config.pop("activation")
            name = _activation_name(layer)
            separate = keras.layers.Activation(function, name=name)
            self.separate_activations[layer.name] = separate
            config["activation"] = "linear"
        return layer.__class__.from_config(config)

    def _call_layer(
        self, layer: keras.Layer, *arguments: keras.KerasTensor, **options: keras.KerasTensor
    ) -> keras.KerasTensor:
        tensor, *_ = (*arguments, *options.values())
        if layer.name in self.absorbed:
            return tensor
        if layer.name not in self.weighted:
            return layer(*arguments, **options)
        # Only the tensor: a mask is an option of batch normalization.
        outputs = layer(tensor)
        separate = self.separate_activations.get(layer.name)
        if separate is not None:
            return separate(outputs)
        return outputs


def _activation_name(layer: keras.Layer) -> str:
    return f"{layer.name}_{activation(layer)}"


def _check_layer_outputs(
    model: keras.Model,
    model_graph: ModelGraph,
    folded: keras.Model,
    batch_norms: dict[str, keras.Layer],
) -> None:
    """Compare the outputs of each weighted layer and of the models.

    The outputs of the models are not enough: behind a softmax, large differences look small.

    Raises:
        ConversionError: an output differs.
    """
    import keras

    folded_outputs = graph.read(folded).outputs
    expected = []
    actual = []
    for original_name, folded_name in _corresponding_layers(model_graph, batch_norms):
        expected.append(model_graph.outputs[original_name])
        actual.append(folded_outputs[folded_name])
    expected.append(model.outputs[0])
    actual.append(folded.outputs[0])
    check_same_outputs(
        keras.Model(model.inputs[0], expected), keras.Model(folded.inputs[0], actual)
    )


def _corresponding_layers(
    model_graph: ModelGraph, batch_norms: dict[str, keras.Layer]
) -> list[tuple[str, str]]:
    """Return the layers of the original and of the folded model that return the same tensor."""
    absorbed = {batch_norm.name for batch_norm in batch_norms.values()}
    layers = []
    for name, operation in model_graph.operations.items():
        if _is_weighted(operation):
            original_name = name
            if name in batch_norms:
                original_name = batch_norms[name].name
            folded_name = name
            if activation(operation) not in FUSED:
                folded_name = _activation_name(operation)
            layers.append((original_name, folded_name))
        elif _is_batch_norm(operation) and name not in absorbed:
            layers.append((name, name))
    return layers
