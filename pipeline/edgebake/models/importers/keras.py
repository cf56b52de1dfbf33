"""Import models that Keras or TensorFlow saved: .keras, HDF5 of Keras 2 and 3, and SavedModels.

Nothing in a file is executed as Python code unless `model.imported.allow_code` is true, and then
only Lambda layers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import EdgebakeError, ModelError
from edgebake.models import basic_operators, keras_session, recurrent_layers
from edgebake.models.importers import (
    answers_check,
    h5,
    heads,
    input_check,
    keras2,
    keras2_activations,
    keras3_layers,
    keras_archive,
    keras_structure,
    safety,
    saved_model,
)
from edgebake.models.importers.dataflow import Dataflow
from edgebake.models.importers.flatten_submodels import flatten_submodels, refuse_training_calls
from edgebake.models.importers.interface import Activations
from edgebake.models.importers.keras_archive import CONFIG, METADATA, WEIGHTS
from edgebake.models.importers.keras_source import Source
from edgebake.models.importers.signature_check import ModelSignature, check_signature
from edgebake.models.keras_graph import leaf_layers
from edgebake.recipe import Head
from edgebake.tasks.tensors import Ends, Feeds, Outputs

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.recipe import Imported
    from edgebake.tasks.contract import Contract

# Operators of TensorFlow whose output is their input.
PASS_THROUGH = frozenset({"Identity", "IdentityN", "NoOp", "StopGradient"})


def load(contract: Contract, options: Imported) -> keras.Model:
    """Load a model: image float32 [n, h, w, c] -> probabilities float32 [n, classes].

    Raises:
        ModelError: the file is damaged, holds code that is not allowed, or its model is not the
            one that the recipe describes.
    """
    import keras

    loaded = _read(options)
    _check_classifier(loaded, options.file)
    refuse_training_calls(loaded, options.file)
    _compute_in_float32(loaded)
    _, height, width, channels = loaded.inputs[0].shape
    replaces_head = options.head is Head.new
    classes = len(contract.labels)
    if not replaces_head:
        classes = heads.class_count(loaded)
    signature = ModelSignature(height, width, channels, classes)
    has_layers = not Path(options.file).is_dir()
    check_signature(signature, contract, options.file, has_layers)
    shape = (contract.image.height, contract.image.width, contract.image.channels)
    image = keras.Input(shape, name="image")
    answers = answers_check.answers(loaded, contract, options.file)
    try:
        model = flatten_submodels(loaded, image)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{options.file}: Keras cannot call it ({_summary(error)}); save it again with Keras 3"
        ) from error
    copied_answers = answers_check.answers(model, contract, options.file)
    answers_check.check_equal(copied_answers, answers, options.file)
    if replaces_head:
        return heads.replace_head(model, len(contract.labels), options.file)
    return heads.output_probabilities(model, options.output, contract, options.file)


def predictor(archive: bytes, ends: Ends) -> Callable[[Feeds], Outputs]:
    """Return a function from examples to the outputs of a model, each float32 [n, ...]."""
    import keras

    model = keras_session.in_order(keras_session.load(archive), ends)

    def predict(feeds: Feeds) -> Outputs:
        inputs = [feeds[spec.name] for spec in ends.inputs]
        arguments = inputs[0] if len(inputs) == 1 else inputs
        outputs = keras.tree.flatten(model(arguments, training=False))
        named_outputs = zip(ends.outputs, outputs, strict=True)
        return {name: np.asarray(output) for name, output in named_outputs}

    return predict


def activations(archive: bytes, inputs: Sequence[str]) -> Activations:
    """Return the activations of a model, each under the name of the operator that computes it.

    Raises:
        ConversionError: a layer has none that a runtime could compute in integers.
    """
    import tensorflow

    model = keras_session.load(archive)
    recurrent_layers.refuse_in_integers(model)
    ends = keras_session.ends_of(model, inputs)
    frozen = keras_session.frozen_graph(model, ends, any_batch=True)
    recurrent_layers.refuse_loops_in_integers(frozen)
    # LiteRT's files hold the values of the replacements, the other runtimes' files their results.
    function = basic_operators.replace(frozen, basic_operators.OVERFLOWING_IN_LITERT)
    dataflow: Dataflow[str] = Dataflow()
    tensors = []
    for tensor in function.inputs:
        is_float = tensor.dtype == tensorflow.float32
        dataflow.add_input(tensor.op.name, is_activation=is_float)
        if is_float:
            tensors.append(tensor)
    for operator in function.graph.get_operations():
        producers = [tensor.op.name for tensor in operator.inputs]
        sources = dataflow.trace(producers)
        if sources is None:
            continue
        output = operator.outputs[0]
        computes = operator.type not in PASS_THROUGH
        is_activation = computes and output.dtype == tensorflow.float32
        dataflow.add(operator.name, sources, is_activation)
        if is_activation:
            tensors.append(output)
    pruned = function.prune(function.inputs, tensors)

    def compute(feeds: Feeds) -> list[NDArray[np.float32]]:
        arguments = [tensorflow.constant(feeds[name]) for name in inputs]
        values = pruned(*arguments)
        return [value.numpy() for value in values]

    return Activations(dataflow.sources, compute)


def _read(options: Imported) -> keras.Model:
    path = Path(options.file)
    if path.is_dir():
        return saved_model.read(path, options.file)
    safety.refuse_non_model(path, options.file)
    try:
        if h5.is_hdf5(path):
            return h5.read(path, options.file, options.allow_code)
        return _read_archive(path, options.file, options.allow_code)
    except EdgebakeError:
        raise
    # Keras raises any exception that its layers raise, and these depend on the file.
    except Exception as error:
        raise ModelError(
            f"{options.file}: Keras cannot make this model ({_summary(error)}); save it again with "
            "Keras 3, or import it as a SavedModel: model.export('folder')"
        ) from error


def _read_archive(path: Path, file: str, allow_code: bool) -> keras.Model:
    """Return the model of a .keras archive."""
    import keras

    entries = keras_archive.read(path, file, (CONFIG, METADATA, WEIGHTS))
    weights = keras_archive.open_weights(entries[WEIGHTS], file)
    weights.close()
    config = keras_archive.parse_config(entries[CONFIG], file)
    _remove_compile_config(config)
    keras_structure.check(config, file)
    safety.refuse_code(config, file, allow_code)
    metadata = keras_archive.parse_config(entries[METADATA], file)
    source = Source(file, str(metadata.get("keras_version", "3")))
    is_of_keras2 = source.version.startswith("2.")
    if is_of_keras2:
        config = keras2.to_keras3(config, source)
        safety.refuse_code(config, file, allow_code)
    else:
        config = keras3_layers.to_installed(config, source)
    entries[CONFIG] = keras_archive.serialize_config(config)
    archive = keras_archive.write(entries)
    with tempfile.TemporaryDirectory() as folder:
        checked = Path(folder) / "model.keras"
        checked.write_bytes(archive)
        model = keras.models.load_model(checked, compile=False, safe_mode=not allow_code)
    if is_of_keras2:
        keras2_activations.restore(model)
    return model


def _remove_compile_config(node: object) -> None:
    """Remove the optimizer and losses of a config, at any depth: they may be classes of others."""
    if isinstance(node, dict):
        node.pop("compile_config", None)
        for child in node.values():
            _remove_compile_config(child)
    elif isinstance(node, list):
        for child in node:
            _remove_compile_config(child)


def _compute_in_float32(model: keras.Model) -> None:
    """Undo mixed precision, which is for training on a GPU: compute in the dtype of the weights."""
    for layer in leaf_layers(model):
        if layer.variable_dtype == "float32" and layer.compute_dtype != "float32":
            layer.dtype_policy = "float32"


def _check_classifier(model: keras.Model, file: str) -> None:
    """Refuse models other than image classifiers: images [n, h, w, c] to one number per class.

    Raises:
        ModelError: it has other inputs or outputs.
    """
    inputs = getattr(model, "inputs", None) or []
    outputs = getattr(model, "outputs", None) or []
    problem = input_check.count_refusal(len(inputs), len(outputs))
    if problem is None:
        image = inputs[0]
        problem = input_check.refusal(image.shape, image.dtype, channels_first=False)
    if problem is None and image.shape[3] is None:
        problem = f"takes {list(image.shape)}; expected images of 1 or 3 channels"
    if problem is not None:
        raise ModelError(f"{file}: {problem}")
    output = model.outputs[0].shape
    problem = input_check.output_refusal(output, can_reshape=False)
    if problem is None and output[1] is None:
        problem = f"returns {input_check.format_shape(output)}; {input_check.ONE_ANSWER}"
    if problem is not None:
        raise ModelError(f"{file}: {problem}")


def _summary(error: Exception) -> str:
    """Return the first line of an error of Keras, without colors, stack and printed config."""
    text = re.sub("\x1b\\[[0-9;]*m", "", str(error))
    text = text.rsplit("Exception encountered: ", maxsplit=1)[-1]
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("Exception encountered when calling"):
            return stripped[:300]
    return type(error).__name__
