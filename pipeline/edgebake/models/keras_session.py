"""Start Keras in a state in which the same input gives the same bytes, and move models in and out of it.

Importing TensorFlow costs 5 to 20 s, so only train, prune, quantize and convert may call this.
"""

import gc
import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from edgebake.errors import ConversionError
from edgebake.models import malloc

TOOLS = ("keras", "numpy", "tensorflow")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip entry can hold


def start(threads: int, seed: int = 0) -> Any:
    """Import TensorFlow with `threads` threads and deterministic kernels; return the module keras.

    The number of threads changes how sums are split, and with it every weight, so it is never left to the machine.
    Freed memory is kept from here on, not in the training loop: every stage that trains comes through
    here, and so do calibration and conversion, which run a model as often.
    """
    malloc.keep_freed_memory()
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # oneDNN picks kernels by CPU model
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"
    tensorflow = _import_tensorflow()
    import keras

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    return keras


def save(model: Any) -> bytes:
    """Return a model as a .keras archive without dates and memory addresses: equal models give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return _normalised(file.read_bytes())


def load(archive: bytes) -> Any:
    """Return the model of a .keras archive; no code in it is run (Keras' safe mode)."""
    import keras

    from edgebake.models.importers import graph_layer

    graph_layer.register()  # the one layer of ours that a model may hold
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(archive)
        return keras.models.load_model(file, compile=False, safe_mode=True)


def function_of(model: Any, any_resolution: bool = False, any_batch: bool = False) -> Any:
    """Return a TensorFlow function, image float32 [1, h, w, c] -> probabilities [1, classes], as at inference.

    With `any_resolution`, height and width of the image are left open; with `any_batch`, how many images there are.
    """
    import tensorflow

    if any_resolution:
        model = _at_any_resolution(model)
    shape = (None if any_batch else 1, *model.inputs[0].shape[1:])
    signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="image")]
    return tensorflow.function(
        lambda image: tensorflow.identity(model(image, training=False), name="probabilities"),
        input_signature=signature,
    )


def frozen_graph(model: Any, any_resolution: bool = False, any_batch: bool = False) -> Any:
    """Return the graph of `function_of` with every variable folded into it as a constant."""
    return frozen(function_of(model, any_resolution, any_batch))


def frozen(function: Any) -> Any:
    """Return the graph of a TensorFlow function with every variable folded into it as a constant."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function.get_concrete_function())


def _at_any_resolution(model: Any) -> Any:
    """Return the same layers and weights behind an input whose height and width are open.

    Raises:
        ConversionError: a layer can only be built for one size.
    """
    import keras

    image = keras.Input((None, None, model.inputs[0].shape[-1]), name="image")
    try:
        open_model = keras.models.clone_model(model, input_tensors=image)
        open_model.set_weights(model.get_weights())
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise ConversionError(
            f"the model takes images of one size alone: {first}; expected no other sizes"
        ) from error
    return open_model


def _import_tensorflow() -> Any:
    # Keras and coremltools import scikit-learn where they find it, for wrappers that nothing here uses: 1.5 s a stage.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    # Its 3,000 modules are here to stay: looking for garbage among them takes a tenth of the import.
    gc.disable()
    try:
        import tensorflow
    finally:
        gc.enable()
    return tensorflow


def _normalised(archive: bytes) -> bytes:
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            target.writestr(entry, _stable(name, source.read(name)))
    return written.getvalue()


def _stable(name: str, content: bytes) -> bytes:
    if name == "metadata.json":
        return json.dumps(
            {**json.loads(content), "date_saved": "1980-01-01@00:00:00"}, sort_keys=True
        ).encode()
    if name == "config.json":
        return json.dumps(_renumbered(json.loads(content), {}), sort_keys=True).encode()
    return content


def _renumbered(node: Any, seen: dict[int, int]) -> Any:
    """Return a config whose shared_object_ids, memory addresses as Keras writes them, count 0, 1, 2 by first use."""
    if isinstance(node, dict):
        return {
            key: seen.setdefault(value, len(seen))
            if key == "shared_object_id"
            else _renumbered(value, seen)
            for key, value in sorted(node.items())
        }
    return [_renumbered(item, seen) for item in node] if isinstance(node, list) else node
