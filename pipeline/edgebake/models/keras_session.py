"""Start Keras so that equal input gives equal bytes; save and load models.

Importing TensorFlow takes 5 to 20 s, so only train, prune, quantize and convert may call this.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edgebake.errors import ConversionError, listed
from edgebake.models import basic_operators, frozen_function, id_lookups, malloc, recurrent_layers
from edgebake.models.importers import graph_layer, keras_archive, safety
from edgebake.models.importers.keras_archive import CONFIG, METADATA, WEIGHTS
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, PROBABILITIES, Ends, TensorSpec

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

TOOLS = ("keras", "numpy", "tensorflow")
STAGE_ARCHIVE = "the .keras archive of an earlier stage"  # in messages
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip entry can hold
FILE_MODE = 0o644 << 16  # permissions of an entry, in the upper bits


def start(threads: int, seed: int = 0) -> ModuleType:
    """Import TensorFlow with `threads` threads and deterministic kernels; return the module keras.

    The number of threads changes the order of sums, and with it every weight, so it is a parameter
    and not that of the machine. Freed memory is kept from here on, not only in the training loop:
    calibration and conversion run a model as often, and also start here.
    """
    malloc.keep_freed_memory()
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # oneDNN chooses kernels by CPU model
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"
    tensorflow = _import_tensorflow()
    import keras

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    module: ModuleType = keras
    return module


def save(model: keras.Model) -> bytes:
    """Return a .keras archive without dates and memory addresses: equal models, equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        archive = file.read_bytes()
    return _normalize_archive(archive)


def load(archive: bytes) -> keras.Model:
    """Return the model of a .keras archive; no code in it is executed (safe mode of Keras).

    Archives come from earlier stages by way of a cache, which others may be able to write to. So
    an archive is checked as one of a stranger; the layer that runs a graph is allowed in addition.

    Raises:
        ModelError: the archive is damaged, or its model does more than compute.
    """
    import keras

    layer_class = graph_layer.register()  # the only layer of edgebake that a model may contain
    registered = keras.saving.get_registered_name(layer_class)
    entries = keras_archive.read(io.BytesIO(archive), STAGE_ARCHIVE, (CONFIG, METADATA, WEIGHTS))
    config = keras_archive.parse_config(entries[CONFIG], STAGE_ARCHIVE)
    safety.refuse_code(config, STAGE_ARCHIVE, allow_code=False, registered=(registered,))
    with keras_archive.open_weights(entries[WEIGHTS], STAGE_ARCHIVE) as store:
        graph_layer.refuse_stored_graphs(store, STAGE_ARCHIVE)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_archive.write(entries))
        return keras.models.load_model(file, compile=False, safe_mode=True)


def inference_function(
    model: keras.Model,
    ends: Ends = IMAGE_CLASSIFIER,
    any_resolution: bool = False,
    any_batch: bool = False,
) -> tf.types.experimental.PolymorphicFunction:
    """Return a TensorFlow function of a model's inputs, each [1, ...], to its outputs.

    Args:
        model: run in inference mode.
        ends: names of its inputs and outputs in their order.
        any_resolution: leave height and width of an image open.
        any_batch: leave the number of examples open.

    Raises:
        ConversionError: the model has other inputs or outputs, or a loop.
    """
    import keras
    import tensorflow

    recurrent_layers.refuse_loops(model)
    if any_resolution:
        model = _at_any_resolution(model)
    model = in_order(model, ends)
    batch: int | None = 1
    if any_batch:
        batch = None
    signature = []
    for spec, tensor in zip(ends.inputs, model.inputs, strict=True):
        _, *size = tensor.shape
        shape = (batch, *size)
        signature.append(tensorflow.TensorSpec(shape, spec.dtype, name=spec.name))

    def predict(*inputs: tf.Tensor) -> list[tf.Tensor]:
        arguments = inputs[0] if len(inputs) == 1 else list(inputs)
        outputs = keras.tree.flatten(model(arguments, training=False))
        named_outputs = zip(ends.outputs, outputs, strict=True)
        return [tensorflow.identity(output, name=name) for name, output in named_outputs]

    return tensorflow.function(predict, input_signature=signature)


def frozen_graph(
    model: keras.Model, ends: Ends = IMAGE_CLASSIFIER, any_batch: bool = False
) -> tf.types.experimental.ConcreteFunction:
    """Return the graph of `inference_function` with all variables as constants.

    Its outputs are named `Identity` and so on if it classifies images, else as `ends` says.
    """
    frozen = freeze(inference_function(model, ends, any_batch=any_batch))
    if ends.is_image_classifier:
        return frozen
    function = id_lookups.without_negative_ids(frozen)
    outputs = [function.graph.get_tensor_by_name(f"{name}:0") for name in ends.outputs]
    return function.prune(function.inputs, outputs)


def freeze(
    function: tf.types.experimental.PolymorphicFunction,
) -> tf.types.experimental.ConcreteFunction:
    """Return the graph of a TensorFlow function with all variables as constants.

    Convolutions of one channel per group are depthwise ones.
    """
    concrete = function.get_concrete_function()
    frozen = frozen_function.inline_calls(frozen_function.freeze(concrete))
    return basic_operators.replace(frozen, (basic_operators.CONVOLUTION,))


def ends_of(model: keras.Model, inputs: Sequence[str]) -> Ends:
    """Return the ends of a model whose outputs are not looked at.

    Args:
        model: any.
        inputs: their names; the model itself may name a single one otherwise.
    """
    dtypes = {tensor.name: str(tensor.dtype) for tensor in model.inputs}
    if len(inputs) == 1:
        dtypes = {inputs[0]: str(model.inputs[0].dtype)}
    specs = [TensorSpec(name, (), dtypes[name]) for name in inputs]
    names = [PROBABILITIES]
    names += [f"output_{number}" for number in range(1, len(model.outputs))]
    return Ends(tuple(specs), tuple(names))


def in_order(model: keras.Model, ends: Ends) -> keras.Model:
    """Return a model whose inputs are in the order of `ends`, which names a single input anew.

    Raises:
        ConversionError: the model has other inputs, or another number of outputs.
    """
    import keras

    sizes = (len(ends.inputs), len(ends.outputs))
    if sizes == (1, 1) == (len(model.inputs), len(model.outputs)):
        return model
    by_name = {tensor.name: tensor for tensor in model.inputs}
    expected = [spec.name for spec in ends.inputs]
    if sorted(by_name) != sorted(expected) or len(model.outputs) != len(ends.outputs):
        raise ConversionError(
            f"model {model.name!r}: has the inputs {listed(by_name)} and {len(model.outputs)} "
            f"outputs; expected the inputs {listed(expected)} and the outputs "
            f"{listed(ends.outputs)}"
        )
    inputs = [by_name[name] for name in expected]
    return keras.Model(inputs, model.outputs, name=model.name)


def _at_any_resolution(model: keras.Model) -> keras.Model:
    """Return the same layers and weights with an input [n, None, None, c].

    Raises:
        ConversionError: a layer can only be built for one size.
    """
    import keras

    channels = model.inputs[0].shape[-1]
    image = keras.Input((None, None, channels), name="image")
    try:
        resizable = keras.models.clone_model(model, input_tensors=image)
        resizable.set_weights(model.get_weights())
    except ValueError as error:
        summary = str(error).splitlines()[0]
        raise ConversionError(
            f"the model takes images of only one size: {summary}; expected no other sizes"
        ) from error
    return resizable


def _import_tensorflow() -> ModuleType:
    # Keras and coremltools import scikit-learn if it is installed, for wrappers that nothing here
    # uses: 1.5 s per stage.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    # TensorFlow's 3,000 modules are never freed; searching them for garbage takes a tenth of the
    # import.
    gc.disable()
    try:
        import tensorflow
    finally:
        gc.enable()
    module: ModuleType = tensorflow
    return module


def _normalize_archive(archive: bytes) -> bytes:
    """Return a zip archive with sorted, uncompressed entries of one date."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as destination,
    ):
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = FILE_MODE
            data = _normalize_entry(name, source.read(name))
            destination.writestr(entry, data)
    return stream.getvalue()


def _normalize_entry(name: str, data: bytes) -> bytes:
    if name == "metadata.json":
        metadata = json.loads(data)
        metadata["date_saved"] = "1980-01-01@00:00:00"
        return json.dumps(metadata, sort_keys=True).encode()
    if name == "config.json":
        config = json.loads(data)
        renumbered = _renumber_shared_objects(config, {})
        return json.dumps(renumbered, sort_keys=True).encode()
    return data


def _renumber_shared_objects(node: object, numbers: dict[int, int]) -> object:
    """Return a config whose shared_object_ids count 0, 1, 2, ... by first use.

    Keras writes memory addresses. `numbers` maps those to the numbers given so far.
    """
    if isinstance(node, list):
        return [_renumber_shared_objects(child, numbers) for child in node]
    if not isinstance(node, dict):
        return node
    renumbered: dict[object, object] = {}
    for key, value in sorted(node.items()):
        if key == "shared_object_id":
            renumbered[key] = numbers.setdefault(value, len(numbers))
        else:
            renumbered[key] = _renumber_shared_objects(value, numbers)
    return renumbered
