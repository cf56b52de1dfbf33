"""Refuse files of a dataset that are links out of its folder, or no files: pipes and devices."""

import os
import re
import stat
from pathlib import Path

from edgebake.errors import DataError

# DVC may link to files of its cache: <cache>/files/md5/ab/<30 digits>, of DVC 2 <cache>/ab/...
# Source: https://dvc.org/doc/user-guide/project-structure/internal-files
DVC_CACHE = re.compile(r".*/(?:files/md5|cache)/[0-9a-f]{2}/[0-9a-f]{30}", re.DOTALL)


def refuse_outside(path: Path, folder: Path) -> None:
    """Refuse a link to something that is neither in the folder nor in DVC's cache.

    Raises:
        DataError: it is such a link.
    """
    if not path.is_symlink():
        return
    target = os.path.realpath(path)
    root = os.path.realpath(folder)
    if target == root or target.startswith(f"{root}{os.sep}"):
        return
    if DVC_CACHE.fullmatch(target) is None:
        raise DataError(
            f"{path}: a link to {target}, which is outside of {folder}; "
            "expected the file itself: copy it"
        )


def refuse_special(path: Path) -> None:
    """Refuse a pipe, a socket or a device; reading it could take forever.

    Raises:
        DataError: it is one.
        OSError: there is nothing at the path.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: not a file; expected a file, or a link to one")
