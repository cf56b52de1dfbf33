"""Let DVC print nothing over a build, and parse params.yaml once.

A part of `dvc_repo`, which says why DVC's internals are named.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.dependency import param
from dvc.utils.serialize import load_path

# Loggers whose level also turns off the bars that DVC draws over a terminal.
PROGRESS_BARS = ("dvc.progress", "dvc_data.callbacks")


def silence() -> None:
    """Turn off what DVC prints on a terminal: what goes wrong is in its exceptions."""
    logging.getLogger("dvc").setLevel(logging.ERROR)
    for name in PROGRESS_BARS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def params_parsed_once() -> Iterator[None]:
    """Let DVC parse params.yaml once per content, not once per stage and check."""
    parsed: dict[tuple[str, int, int], Any] = {}

    def load(path: Any, fs: Any = None, **options: Any) -> Any:
        status = Path(path).stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in parsed:
            parsed[key] = load_path(path, fs, **options)
        return parsed[key]

    param.load_path = load
    try:
        yield
    finally:
        param.load_path = load_path
