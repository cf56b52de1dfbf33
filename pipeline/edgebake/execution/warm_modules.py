"""The libraries that a warm server imports once, for all stages that are forked from it.

`multiprocessing` imports this module in its fork server. It leaves no module of edgebake behind:
each stage checks that the modules of edgebake it imports are in its code digest.
"""

import gc
import importlib
import os
import sys
from pathlib import Path

LOG = Path("artifacts/warm_server.log")  # what the libraries print while they are imported
# Other imports of the stages take less than 0.1 s.
LIBRARIES = ("coremltools", "tf2onnx", "onnx", "scipy.stats")


def _log_output() -> None:
    LOG.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _import() -> None:
    before = set(sys.modules)
    from edgebake.models import keras_session

    keras_session.start(threads=1)  # a stage sets its own number before TensorFlow starts threads
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:  # no coremltools on this system: stages that need it say so
            continue
    for name in sys.modules.keys() - before:
        if name.startswith("edgebake."):
            del sys.modules[name]
    gc.freeze()  # a collection in a fork would copy the server's memory page by page


_log_output()
_import()
