"""Run the command line: `python -m edgebake VERB`, what `dvc.yaml` calls."""

import os
import sys

try:
    from edgebake.cli.main import main
except ModuleNotFoundError as missing:
    sys.exit(
        f"edgebake: {sys.executable}: the package {missing.name!r} is not installed there; "
        "expected edgebake's own environment: run `make setup`, then `. .venv/bin/activate`"
    )

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow spends up to a second on taking itself apart, which the end of the process does at once.
    os._exit(code)
