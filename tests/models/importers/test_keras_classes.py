"""A config reaches only classes and functions of Keras that compute, whatever it calls them."""

import sys
import types
from typing import Any

import pytest

from edgebake.models import keras_session
from edgebake.models.importers import keras_classes

# Homes of the classes that a listed name may lead to.
HOMES = (
    "keras.src.activations.",
    "keras.src.applications.",
    "keras.src.constraints.",
    "keras.src.dtype_policies.",
    "keras.src.initializers.",
    "keras.src.layers.",
    "keras.src.legacy.layers",
    "keras.src.losses.",
    "keras.src.metrics.",
    "keras.src.models.",
    "keras.src.ops.",
    "keras.src.optimizers",
    "keras.src.quantizers.",
    "keras.src.random.",
    "keras.src.regularizers.",
)
# Layers of Keras that are not listed, and why.
UNLISTED_LAYERS = {
    "FlaxLayer": "runs a program of Flax",
    "HashedCrossing": "of text",
    "Hashing": "of text",
    "IntegerLookup": "reads a file",
    "JaxLayer": "runs a program of JAX",
    "Lambda": "runs Python",
    "Layer": "a base class",
    "StringLookup": "reads a file",
    "TFSMLayer": "loads a SavedModel",
    "TextVectorization": "reads a file",
    "TorchModuleWrapper": "unpickles a program of PyTorch",
    "Wrapper": "a base class",
}


@pytest.fixture(scope="module")
def registry() -> dict[str, Any]:
    """Return every public class and function of Keras, by its full name."""
    keras_session.start(1)
    from keras.src import api_export

    return dict(api_export.REGISTERED_NAMES_TO_OBJS)


def test_every_listed_class_exists(registry: dict[str, Any]) -> None:
    names = {name.rpartition(".")[2] for name in registry}
    for name, module in list(sys.modules.items()):
        if name.startswith("keras.src."):
            names.update(vars(module))
    for group, listed in keras_classes.listed().items():
        if group != "keras_2":
            assert listed <= names, group


def test_every_other_layer_of_keras_is_left_out_for_a_reason(registry: dict[str, Any]) -> None:
    import keras

    layers = set()
    for value in registry.values():
        if isinstance(value, type) and issubclass(value, keras.layers.Layer):
            layers.add(value)
    unlisted = set()
    for layer in layers:
        is_listed = any(layer.__name__ in names for names in keras_classes.listed().values())
        if not is_listed:
            unlisted.add(layer.__name__)
    assert unlisted - {"FeatureSpace", "Distiller"} == set(UNLISTED_LAYERS)


def test_a_listed_name_leads_to_a_class_that_computes(registry: dict[str, Any]) -> None:
    """Keras first looks in what it exports, then in the module itself."""
    reachable: dict[str, Any] = {}
    for name, value in registry.items():
        module, _, key = name.rpartition(".")
        if keras_classes.is_class(key, module):
            reachable[name] = value
    for name, loaded in list(sys.modules.items()):
        if name.partition(".")[0] == "keras":
            for key, value in vars(loaded).items():
                if isinstance(value, type) and keras_classes.is_class(key, name):
                    reachable[f"{name}.{key}"] = value
    assert len(reachable) > 600
    for name, value in reachable.items():
        assert isinstance(value, type), name
        assert value.__module__.startswith(HOMES), name


def test_a_listed_function_computes(registry: dict[str, Any]) -> None:
    for name, value in registry.items():
        module, _, key = name.rpartition(".")
        if keras_classes.is_function(key, module) and isinstance(value, types.FunctionType):
            assert value.__module__.startswith(HOMES), name


@pytest.mark.parametrize(
    "name",
    [
        "keras.utils.get_file",
        "keras.activations.deserialize",
        "keras.activations.get",
        "keras.ops.map",
        "keras.ops.vectorize",
        "keras.ops.custom_gradient",
        "keras.config.enable_unsafe_deserialization",
        "keras.saving.load_model",
        "keras.preprocessing.image.load_img",
        "os.system",
        "builtins.exec",
    ],
)
def test_a_function_that_does_more_is_not_listed(name: str) -> None:
    module, _, key = name.rpartition(".")
    assert not keras_classes.is_function(key, module)
    assert not keras_classes.is_function(key, "builtins")
    assert not keras_classes.is_class(key, module)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Dense", "keras.utils"),
        ("Dense", "keras.layers_of_others"),
        ("Dense", "kerasen.layers"),
        ("Dense", ""),
        ("Dense", "keras."),
        ("Dense", "keras.src.ops.numpy"),
        ("Dense", "builtins"),
        ("TFSMLayer", "keras.layers"),
        ("TFSMLayer", None),
        ("FeatureSpace", "keras.utils"),
        ("JaxLayer", "keras.src.utils.jax_layer"),
        ("Operation", "keras.src.ops.core"),
        ("Map", "keras.src.ops.core"),
    ],
)
def test_a_class_elsewhere_is_not_listed(name: str, module: str | None) -> None:
    assert not keras_classes.is_class(name, module)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Dense", "keras.layers"),
        ("Dense", None),
        ("Dense", "keras.src.layers.core.dense"),
        ("Dense", "tensorflow.python.keras.layers.core"),
        ("TFOpLambda", "tf_keras.src.layers.core.tf_op_layer"),
        ("Add", "keras.src.ops.numpy"),
        ("Functional", "keras.src.models.functional"),
        ("Functional", "keras.src.engine.functional"),
        ("Sequential", "keras"),
        ("DTypePolicy", "keras"),
        ("GlorotUniform", "keras.initializers"),
        ("GlorotUniform", "tensorflow.python.ops.init_ops_v2"),
        ("LayerScale", "keras.src.applications.convnext"),
        ("ExponentialDecay", "keras.optimizers.schedules"),
    ],
)
def test_a_class_of_keras_2_and_3_is_listed(name: str, module: str | None) -> None:
    assert keras_classes.is_class(name, module)
