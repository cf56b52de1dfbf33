"""Reproducible zip archives.

Entries are stored, not compressed: model files compress poorly, and the output of DEFLATE depends
on the version of zlib.
"""

import io
import shutil
import zipfile
from pathlib import Path
from typing import IO

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip entry can hold
UNIX = 3  # ZipInfo.create_system


def zip_folder(folder: Path) -> bytes:
    """Archive all files of a folder; equal folders give equal archives."""
    buffer = io.BytesIO()
    write_zip(folder, buffer)
    return buffer.getvalue()


def write_zip(folder: Path, stream: IO[bytes]) -> None:
    """Write the archive of all files of a folder to a stream; no file is loaded as a whole.

    Entries are sorted by the bytes of their paths and carry no dates and owners.
    """
    files = {}
    for file in folder.rglob("*"):
        if file.is_file():
            files[file.relative_to(folder).as_posix()] = file
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files, key=str.encode):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = 0o644 << 16
            entry.file_size = files[path].stat().st_size  # decides between zip and zip64
            with files[path].open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
