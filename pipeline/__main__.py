"""Run the command line: `python -m pipeline VERB`, what `dvc.yaml` calls."""

import sys

try:
    from pipeline.cli import main
except ModuleNotFoundError as missing:
    sys.exit(
        f"edgebake: {sys.executable}: the package {missing.name!r} is not installed there; "
        "expected edgebake's own environment: run `make setup`, then `. .venv/bin/activate`"
    )

if __name__ == "__main__":
    sys.exit(main())
