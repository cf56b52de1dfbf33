"""Apple's protobuf classes, out of the coremltools package but without its import.

`import coremltools` brings TensorFlow, PyTorch and scikit-learn along where they are installed, up to 20 s; the
classes alone load in 0.1 s and are enough to read a package.
"""

import importlib
import importlib.util
import sys
from types import ModuleType


def load_module(name: str) -> ModuleType:
    """Return coremltools.proto.<name>: `Model_pb2`, `MIL_pb2` or `FeatureTypes_pb2`."""
    full = f"coremltools.proto.{name}"
    if "coremltools" in sys.modules:
        return importlib.import_module(full)
    # An empty package in its place lets Python find the classes below it; it goes again, so that a later import of
    # coremltools itself is a real one. Both then share these very classes.
    sys.modules["coremltools"] = _empty_package()
    try:
        return importlib.import_module(full)
    finally:
        del sys.modules["coremltools"]


def _empty_package() -> ModuleType:
    found = importlib.util.find_spec("coremltools")
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError("coremltools")
    package = ModuleType("coremltools")
    package.__path__ = list(found.submodule_search_locations)
    return package
