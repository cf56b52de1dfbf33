"""Read small files of strangers: regular files up to a size, never a pipe, device or endless file.

The checks are on the open file, not on its path, so replacing the path in between has no effect.
"""

import errno
import os
import stat
from pathlib import Path

from edgebake.errors import ProofError

# What a path that is no regular file is called in messages.
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class UnreadableFileError(Exception):
    """A file that `read` refuses; the message says what it is, without its name."""


class MissingFileError(UnreadableFileError):
    """There is no file at a path."""


def read(file: Path, max_bytes: int, *, follow_links: bool = False) -> bytes:
    """Return the content of a regular file.

    Args:
        file: of any origin.
        max_bytes: the largest size that is read.
        follow_links: whether a symbolic link to a regular file is read too.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is larger, or no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # does not wait for a pipe
    if not follow_links:
        flags |= os.O_NOFOLLOW
    try:
        descriptor = os.open(file, flags)
    except OSError as error:
        raise _open_problem(error) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError(f"{kind_of(status.st_mode)}; expected a regular file")
        if status.st_size > max_bytes:
            raise UnreadableFileError(f"{status.st_size:,} bytes; expected at most {max_bytes:,}")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:  # it grew while it was read
        raise UnreadableFileError(f"more than {max_bytes:,} bytes; expected at most {max_bytes:,}")
    return content


def read_part(file: Path, max_bytes: int, name: object, expected: str) -> bytes:
    """Return the content of a file that a bundle or its proof has to have.

    Args:
        file: a regular file.
        max_bytes: the largest size that is read.
        name: of the file in messages.
        expected: what should be there, if the file is missing.

    Raises:
        ProofError: it is missing, larger, or no regular file.
    """
    try:
        return read(file, max_bytes)
    except MissingFileError as error:
        raise ProofError(f"{name}: {error}; {expected}") from None
    except UnreadableFileError as error:
        raise ProofError(f"{name}: {error}") from None


def kind_of(mode: int) -> str:
    """Return what a file of a mode, as in `os.stat_result`, is called in messages."""
    return KINDS.get(stat.S_IFMT(mode), "a special file")


def _open_problem(error: OSError) -> UnreadableFileError:
    if error.errno == errno.ENOENT:
        return MissingFileError("not found")
    if error.errno == errno.ELOOP:
        return UnreadableFileError("a symbolic link; expected a regular file")
    if error.errno == errno.ENXIO:
        return UnreadableFileError("a socket; expected a regular file")
    return UnreadableFileError(f"cannot be read ({error.strerror}); expected a regular file")
