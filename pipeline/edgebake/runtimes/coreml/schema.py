"""Import Apple's protobuf classes from the package coremltools without importing coremltools.

`import coremltools` imports TensorFlow, PyTorch and scikit-learn if they are installed, up to 20 s.
The classes alone load in 0.1 s and are enough to read a package.
"""

import importlib
import importlib.util
import sys
from types import ModuleType


def load_module(name: str) -> ModuleType:
    """Return coremltools.proto.<name>: `Model_pb2`, `MIL_pb2` or `FeatureTypes_pb2`."""
    full_name = f"coremltools.proto.{name}"
    if "coremltools" in sys.modules:
        return importlib.import_module(full_name)
    # With an empty package in the place of coremltools, Python finds the modules below it. It is
    # removed again, so that a later import of coremltools is a real one; both share the classes.
    sys.modules["coremltools"] = _empty_package()
    try:
        return importlib.import_module(full_name)
    finally:
        del sys.modules["coremltools"]


def _empty_package() -> ModuleType:
    spec = importlib.util.find_spec("coremltools")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("coremltools")
    package = ModuleType("coremltools")
    package.__path__ = list(spec.submodule_search_locations)
    return package
