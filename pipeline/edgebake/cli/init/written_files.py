"""Write all files of a target, or none."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgebake import artifacts
from edgebake.errors import HostError


@contextmanager
def written(files: Mapping[Path, str], edits: Mapping[Path, str]) -> Iterator[None]:
    """Write new files and edited ones, and undo it if the body of the `with` statement fails.

    Args:
        files: the text of each new file.
        edits: the new text of each file that exists.

    Raises:
        HostError: a new file exists already.
    """
    for path in files:
        if path.exists():
            raise HostError(
                f"{path}: exists already, and is not overwritten; expected another name, or "
                "remove it"
            )
    new_folders = {path.parent for path in files if not path.parent.exists()}
    originals = {path: path.read_bytes() for path in edits}
    try:
        for path, text in (*files.items(), *edits.items()):
            artifacts.write(path, text.encode())
        yield
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        for folder in new_folders:
            folder.rmdir()
        for path, content in originals.items():
            artifacts.write(path, content)
        raise
