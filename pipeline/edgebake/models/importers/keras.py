"""A model that Keras or TensorFlow saved in, a live Keras model with the ends that the contract says out.

Reads .keras and HDF5 files of Keras 3 and Keras 2, and SavedModels. Nothing in them is run as code unless
`model.imported.allow_code` is true, and then Lambda layers alone.
"""

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import EdgebakeError, ModelError
from edgebake.models import keras_session
from edgebake.models.importers import h5, heads, keras2, safety, saved_model, signature_check
from edgebake.models.importers.flatten_submodels import flatten_submodels
from edgebake.models.importers.interface import Activations
from edgebake.models.keras_graph import leaves
from edgebake.recipe import Head, Imported
from edgebake.tasks.contract import Contract

# Operators that hand on what they were given.
SAME = frozenset({"Identity", "IdentityN", "NoOp", "StopGradient"})

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def load(agreed: Contract, words: Imported) -> Any:
    """Return the model: image float32 [n, h, w, c] -> probabilities float32 [n, classes].

    Raises:
        ModelError: the file is damaged or holds code, or its model is not the one that the recipe describes.
    """
    import keras

    loaded = _loaded(words)
    _refuse_other_ends(loaded, words.file)
    _compute_in_float32(loaded)
    found = loaded.inputs[0].shape
    renews = words.head is Head.new
    classes = len(agreed.labels) if renews else heads.classes(loaded)
    signature_check.check_signature(
        signature_check.ModelSignature(found[1], found[2], found[3], classes), agreed, words.file
    )
    image = keras.Input((agreed.height, agreed.width, agreed.channels), name="image")
    try:
        model = flatten_submodels(loaded, image)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{words.file}: Keras cannot call it ({_first(error)}); save it again with Keras 3"
        ) from error
    if renews:
        return heads.renewed(model, len(agreed.labels), words.file)
    return heads.answering(model, words.output, agreed, words.file)


def predictor(archive: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what computes probabilities [n, classes] of images [n, h, w, c]."""
    model = keras_session.load(archive)
    return lambda images: np.asarray(model(images, training=False))


def activations(archive: bytes) -> Activations:
    """Return every float value that depends on the image with those it is computed from, and what computes them all."""
    import tensorflow

    function = keras_session.frozen_graph(keras_session.load(archive), any_batch=True)
    behind: dict[
        str, tuple[str, ...]
    ] = {}  # of any tensor that depends on the image, the values it stands for
    sources: dict[str, tuple[str, ...]] = {}
    tensors = []
    for operator in function.graph.get_operations():
        given = tuple(
            dict.fromkeys(
                name for tensor in operator.inputs for name in behind.get(tensor.op.name, ())
            )
        )
        if not given and operator.type != "Placeholder":
            continue
        is_value = operator.type not in SAME and operator.outputs[0].dtype == tensorflow.float32
        behind[operator.name] = (operator.name,) if is_value else given
        if is_value:
            sources[operator.name] = given
            tensors.append(operator.outputs[0])
    pruned = function.prune([function.inputs[0]], tensors)

    def compute(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return [value.numpy() for value in pruned(tensorflow.constant(images))]

    return Activations(sources, compute)


def _loaded(words: Imported) -> Any:
    path = Path(words.file)
    if path.is_dir():
        return saved_model.read(path, words.file)
    safety.refuse_stand_in(path, words.file)
    try:
        with path.open("rb") as content:
            is_h5 = content.read(len(h5.MAGIC)) == h5.MAGIC
        return (h5.read if is_h5 else _from_archive)(path, words.file, words.allow_code)
    except EdgebakeError:
        raise
    # Keras raises whatever its layers do, and what they do depends on the file.
    except Exception as error:
        raise ModelError(
            f"{words.file}: Keras cannot make this model ({_first(error)}); save it again with Keras 3, or bring it as "
            "a SavedModel: model.export('folder')"
        ) from error


def _from_archive(path: Path, file: str, trust: bool) -> Any:
    """Return the model of a .keras archive."""
    import keras

    found = safety.entries(path, file, (CONFIG, METADATA, WEIGHTS))
    safety.in_memory(found[WEIGHTS], file).close()
    config = _uncompiled(safety.config_of(found[CONFIG], file))
    safety.refuse_code(config, file, trust)
    version = str(safety.config_of(found[METADATA], file).get("keras_version", "3"))
    config = keras2.modern(config, file) if version.startswith("2.") else config
    with tempfile.TemporaryDirectory() as folder:
        mended = Path(folder) / "model.keras"
        mended.write_bytes(_archive({**found, CONFIG: safety.as_json(config)}))
        return keras.models.load_model(mended, compile=False, safe_mode=not trust)


def _archive(found: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return written.getvalue()


def _uncompiled(node: Any) -> Any:
    """Return a config without how to train: losses and optimizers of others are not needed."""
    if isinstance(node, dict):
        return {key: _uncompiled(value) for key, value in node.items() if key != "compile_config"}
    return [_uncompiled(item) for item in node] if isinstance(node, list) else node


def _compute_in_float32(model: Any) -> None:
    """Let layers compute in what their weights are: mixed precision is for training on a GPU."""
    for layer in leaves(model):
        if layer.compute_dtype != layer.variable_dtype and layer.variable_dtype == "float32":
            layer.dtype_policy = "float32"


def _refuse_other_ends(model: Any, file: str) -> None:
    if not getattr(model, "inputs", None):
        raise ModelError(
            f"{file}: does not say the size of its images; expected a model that begins with keras.Input"
        )
    for word, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) != 1:
            raise ModelError(
                f"{file}: has {len(tensors)} {word}; expected one image in, one answer out"
            )
    given, returned = model.inputs[0].shape, model.outputs[0].shape
    if len(given) != 4 or given[3] is None:
        raise ModelError(
            f"{file}: takes {list(given)}; expected images [n, h, w, c], channels last"
        )
    if len(returned) != 2 or returned[1] is None:
        raise ModelError(f"{file}: returns {list(returned)}; expected [n, classes]: a classifier")


def _first(error: Exception) -> str:
    """Return what Keras says, without the config that it prints, colors and where it was."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", str(error)).rsplit("Exception encountered: ", maxsplit=1)[
        -1
    ]
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("Exception encountered when calling")]
    return told[0][:300] if told else type(error).__name__
