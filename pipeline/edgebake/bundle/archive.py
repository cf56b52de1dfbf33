"""A folder in, a zip out that is the same for the same content.

Entries are stored, not compressed: models shrink little, and DEFLATE's bytes depend on the zlib at hand.
"""

import io
import zipfile
from pathlib import Path

from edgebake.artifacts import read_files

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip entry can hold


def zip_folder(folder: Path) -> bytes:
    """Return every file of a folder in one archive, sorted by the bytes of their paths, without dates and owners."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(read_files(folder).items(), key=lambda item: item[0].encode()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return written.getvalue()
