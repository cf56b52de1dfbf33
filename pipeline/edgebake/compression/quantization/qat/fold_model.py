"""A Keras model in, the same function without batch normalization out, in float."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebake.compression.quantization.qat import batch_norm_folding, graph
from edgebake.compression.quantization.qat.batch_norm_folding import LayerWeights
from edgebake.compression.quantization.qat.graph import ModelGraph
from edgebake.errors import ConversionError
from edgebake.models.keras_graph import activation, functional, kind

FUSED = ("linear", "relu", "relu6")  # what every runtime computes inside a weighted layer
TOLERANCE = 1e-4  # of the largest magnitude in a tensor; sums of float32 in another order differ by less than 1e-5
SAMPLES = 4


@dataclass(frozen=True)
class FoldedModel:
    """A plain model, and what each of its weighted layers was made of, by the name of the layer."""

    model: Any
    parts: dict[str, LayerWeights]


def fold_batch_norms(model: Any) -> FoldedModel:
    """Fold batch normalization into the weighted layer in front of it, or make it a 1x1 depthwise convolution.

    An activation that no runtime fuses becomes a layer of its own, `<layer>_<activation>`.

    Raises:
        ConversionError: the model cannot be rewritten, or the rewritten one computes something else.
    """
    model = functional(model)
    found = graph.read(model)
    norms = _norms_behind(found)
    absorbed = {norm.name for norm in norms.values()}
    made_of = {
        name: batch_norm_folding.of_layer(one, norms.get(name))
        for name, one in found.operations.items()
        if _weighted(one)
    }
    alone = [
        one for name, one in found.operations.items() if _is_norm(one) and name not in absorbed
    ]
    made_of |= {norm.name: batch_norm_folding.of_norm(_checked(norm, found)) for norm in alone}
    folded = _rewritten(model, set(made_of), absorbed)
    for name, part in made_of.items():
        folded.get_layer(name).set_weights(batch_norm_folding.fold(part))
    copy_statistics(model, folded)
    _guard(model, found, folded, {name: norm.name for name, norm in norms.items()})
    return FoldedModel(folded, made_of)


def clone(layer: Any) -> Any:
    """Return a new layer of the same settings, its weights not yet made."""
    return layer.__class__.from_config(layer.get_config())


def copy_statistics(source: Any, target: Any) -> None:
    """Give each Normalization of `target` the numbers that its namesake in `source` learnt from data."""
    for layer in source.layers:
        if kind(layer) == "Normalization" and layer.weights:
            twin = target.get_layer(layer.name)
            twin.set_weights(layer.get_weights())
            twin.finalize_state()


def check_same_outputs(first: Any, second: Any) -> None:
    """Run two models on the same random images and compare all that they return.

    Raises:
        ConversionError: an output differs by more than TOLERANCE; it is named as the first model names it.
    """
    import keras

    shape = (SAMPLES, *first.inputs[0].shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    found = (keras.tree.flatten(model(images, training=False)) for model in (first, second))
    for tensor, one, other in zip(first.outputs, *found, strict=True):
        expected, rewritten = np.array(one), np.array(other)
        difference = float(np.abs(expected - rewritten).max() / max(np.abs(expected).max(), 1e-9))
        if not difference <= TOLERANCE:  # also true of NaN
            raise ConversionError(
                f"output {tensor.name!r}: the rewritten model differs by {difference:.2g} of the largest value; "
                f"expected at most {TOLERANCE:g}"
            )


def _weighted(operation: Any) -> bool:
    return kind(operation) in graph.WEIGHTED


def _is_norm(operation: Any) -> bool:
    return kind(operation) == "BatchNormalization"


def _norms_behind(found: ModelGraph) -> dict[str, Any]:
    """Return the batch normalization that alone reads a weighted layer, by the name of that layer."""
    behind = {}
    for name, operation in found.operations.items():
        reader = found.only_reader(name)
        if (
            _weighted(operation)
            and activation(operation) == "linear"
            and reader is not None
            and _is_norm(reader)
        ):
            behind[name] = _of_last_axis(reader, len(found.outputs[name].shape))
    return behind


def _of_last_axis(norm: Any, axes: int) -> Any:
    if norm.axis not in (-1, axes - 1):
        raise ConversionError(
            f"layer {norm.name!r}: normalizes axis {norm.axis}; expected the last one, the channels"
        )
    return norm


def _checked(norm: Any, found: ModelGraph) -> Any:
    shape = found.outputs[norm.name].shape
    if len(shape) != 4:
        raise ConversionError(
            f"layer {norm.name!r}: batch normalization of {len(shape)} axes has no linear layer in front to fold into; "
            "expected one, or images [n, h, w, c]"
        )
    return _of_last_axis(norm, 4)


def _rewritten(model: Any, weighted: set[str], absorbed: set[str]) -> Any:
    """Return the model without batch normalization, its weights not yet set."""
    import keras

    split: dict[str, Any] = {}

    def plain(layer: Any) -> Any:
        if layer.name not in weighted:
            return clone(layer)
        if _is_norm(layer):
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        config = {**layer.get_config(), "use_bias": True}
        if activation(layer) not in FUSED:
            split[layer.name] = keras.layers.Activation(
                config["activation"], name=_split_name(layer)
            )
            config["activation"] = "linear"
        return layer.__class__.from_config(config)

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        tensor = (*arguments, *options.values())[0]
        if layer.name in absorbed:
            return tensor
        if layer.name not in weighted:
            return layer(*arguments, **options)
        called = layer(tensor)  # a mask is for batch normalization alone
        return split[layer.name](called) if layer.name in split else called

    return keras.models.clone_model(model, clone_function=plain, call_function=call)


def _split_name(layer: Any) -> str:
    return f"{layer.name}_{activation(layer)}"


def _guard(model: Any, found: ModelGraph, folded: Any, absorbed_by: dict[str, str]) -> None:
    """Compare what each weighted layer returns in both models: behind a softmax, large differences look small."""
    import keras

    now = graph.read(folded).outputs
    pairs = [
        (found.outputs[model_end], now[folded_end])
        for model_end, folded_end in _ends(found, absorbed_by)
    ]
    before, after = zip(*pairs, (model.outputs[0], folded.outputs[0]), strict=True)
    check_same_outputs(
        keras.Model(model.inputs[0], list(before)), keras.Model(folded.inputs[0], list(after))
    )


def _ends(found: ModelGraph, absorbed_by: dict[str, str]) -> list[tuple[str, str]]:
    """Return the layers, before and after, that return the same tensor."""
    ends = []
    for name, operation in found.operations.items():
        split = _weighted(operation) and activation(operation) not in FUSED
        if _weighted(operation) or (_is_norm(operation) and name not in absorbed_by.values()):
            ends.append((absorbed_by.get(name, name), _split_name(operation) if split else name))
    return ends
