"""The libraries that a warm server imports once, for all stages that are forked from it.

`multiprocessing` imports this module in its fork server. It leaves no module of edgebake behind:
each stage checks that the modules of edgebake it imports are in its code digest.
"""

import gc
import importlib
import sys

# Other imports of the stages take less than 0.1 s.
LIBRARIES = ("coremltools", "tf2onnx", "onnx", "scipy.stats")


def _import() -> None:
    from edgebake.models import keras_session

    keras_session.start(threads=1)  # a stage sets its own number before TensorFlow starts threads
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:  # no coremltools on this system: stages that need it say so
            continue
    for name in list(sys.modules):
        if name.startswith("edgebake.") and name != __name__:
            del sys.modules[name]
    gc.freeze()  # a collection in a fork would copy the server's memory page by page


_import()
