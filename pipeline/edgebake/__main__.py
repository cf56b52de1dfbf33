"""Run the command line, `python -m edgebake VERB`, as dvc.yaml does."""

import os
import sys
from contextlib import suppress

try:
    from edgebake.cli.main import main
except ModuleNotFoundError as error:
    sys.exit(
        f"edgebake: {sys.executable}: the package {error.name!r} is not installed there; "
        "expected edgebake's own environment: run `make setup`, then `. .venv/bin/activate`"
    )

if __name__ == "__main__":
    code = main()
    with suppress(OSError):  # a terminal that was closed
        sys.stdout.flush()
        sys.stderr.flush()
    # Skip the finalization of TensorFlow, which takes up to a second.
    os._exit(code)
