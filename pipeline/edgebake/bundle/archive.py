"""Reproducible zip archives.

Entries are stored, not compressed: model files compress poorly, and the output of DEFLATE depends
on the version of zlib.
"""

import io
import zipfile
from pathlib import Path

from edgebake.artifacts import read_files

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip entry can hold
UNIX = 3  # ZipInfo.create_system


def zip_folder(folder: Path) -> bytes:
    """Archive all files of a folder.

    Entries are sorted by the bytes of their paths and carry no dates and owners, so equal folders
    give equal archives.
    """
    buffer = io.BytesIO()
    files = read_files(folder)
    paths = sorted(files, key=str.encode)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[path])
    return buffer.getvalue()
