"""Classes and functions of Keras that a config may name, from keras_classes.yaml.

A name counts together with its module: keras.layers.Add is a layer, keras.src.ops.numpy.Add an
operation, and keras.utils.Add is neither.
"""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

LIST = Path(__file__).parent / "keras_classes.yaml"
# Packages of Keras 3, Keras 2 and of TensorFlow, whose modules are called the same.
PACKAGES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
SOURCES = "src"  # package of the modules that define what `keras` offers
FUNCTIONS = "functions"
ANYWHERE = "builtins"  # module of functions that Keras finds by their name
# Groups of the list, by the first module below the package.
GROUPS = {
    "": ("models", "dtype_policies"),
    "activations": ("activations", "layers"),
    "applications": ("layers",),
    "constraints": ("constraints",),
    "dtype_policies": ("dtype_policies",),
    "engine": ("models", "layers"),
    "initializers": ("initializers",),
    "layers": ("layers", "models", "keras_2"),
    "legacy": ("layers",),
    "losses": ("losses",),
    "metrics": ("metrics",),
    "mixed_precision": ("dtype_policies",),
    "models": ("models",),
    "ops": ("operations",),
    "optimizers": ("optimizers",),
    "quantizers": ("quantizers",),
    "random": ("random",),
    "regularizers": ("regularizers",),
    "saving": ("models",),
}
# Modules with functions that only compute. Others do more: keras.utils.get_file, for example.
FUNCTION_MODULES = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "ops",
    "regularizers",
)
# Keras 2 names the module of initializers that TensorFlow defines.
INITIALIZERS_OF_TENSORFLOW = "tensorflow.python.ops.init_ops_v2"


def is_of_keras(module: str | None) -> bool:
    """Return whether a module is one of Keras; a config of Keras 2 may name none."""
    return module is None or _submodule(module) is not None


def is_class(name: str, module: str | None) -> bool:
    """Return whether a class is listed; without a module, Keras searches all of its own."""
    groups = listed()
    if module is None:
        return any(name in groups[group] for group in groups if group != FUNCTIONS)
    submodule = _submodule(module)
    if submodule is None:
        return False
    return any(name in groups[group] for group in GROUPS.get(submodule, ()))


def is_function(name: str, module: str | None) -> bool:
    """Return whether a function is listed."""
    is_computing = module in (None, ANYWHERE)
    if module is not None and not is_computing:
        is_computing = _submodule(module) in FUNCTION_MODULES
    return is_computing and name in listed()[FUNCTIONS]


@functools.cache
def listed() -> dict[str, frozenset[str]]:
    """Return the names of each group of the list."""
    document = yaml.safe_load(LIST.read_text())
    return {group: frozenset(names) for group, names in document.items()}


def _submodule(module: str) -> str | None:
    """Return the first module below a package of Keras; None if the module is of another."""
    if module == INITIALIZERS_OF_TENSORFLOW:
        return "initializers"
    for package in PACKAGES:
        if module == package:
            return ""
        if module.startswith(f"{package}."):
            path = module.removeprefix(f"{package}.").removeprefix(f"{SOURCES}.")
            return path.partition(".")[0]
    return None
