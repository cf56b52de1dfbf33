"""Read and write the entries of a .keras archive: a config, metadata and weights in a zip file."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edgebake.documents import strict_json
from edgebake.errors import ModelError
from edgebake.models.importers import hdf5_check
from edgebake.models.importers.safety import Config

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# An entry may unpack to so many bytes, or to so many times its compressed size.
MAX_BYTES = 256 * 2**20
MAX_RATIO = 100
MAX_CONFIG_BYTES = 32 * 2**20
# Exceptions of an archive that is damaged, encrypted, or compressed in another way than Python's.
UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)


def read(source: Path | BinaryIO, file: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the named entries of an archive; no other is read.

    Args:
        source: the archive.
        file: its name in messages.
        names: of the entries.

    Raises:
        ModelError: the archive is damaged, lacks an entry or holds it twice, or an entry unpacks to
            too many bytes.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _refuse_duplicates(archive, names, file)
            return {name: _entry(archive, name, file) for name in names}
    except UNREADABLE as error:
        raise ModelError(
            f"{file}: is damaged ({error}); expected a .keras archive; copy it again"
        ) from None
    except KeyError as error:
        raise ModelError(
            f"{file}: {error.args[0]}; expected a .keras archive that model.save wrote"
        ) from None


def write(entries: dict[str, bytes]) -> bytes:
    """Return an archive of these entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


def parse_config(text: object, file: str) -> Config:
    """Parse a config or metadata, which Keras stores as text.

    Raises:
        ModelError: it is no text, or no JSON object.
    """
    if isinstance(text, str):
        text = text.encode(errors="surrogateescape")
    if not isinstance(text, bytes):
        raise ModelError(
            f"{file}: its config is of the type {type(text).__name__}; expected text; save the "
            "model again"
        )
    try:
        config = strict_json.parse(text, MAX_CONFIG_BYTES, only_finite=False)
    except strict_json.StrictJsonError as error:
        raise ModelError(f"{file}: its config is damaged ({error}); copy it again") from None
    if not isinstance(config, dict):
        raise ModelError(
            f"{file}: its config is no JSON object; expected what model.save writes; save the "
            "model again"
        )
    return config


def serialize_config(config: object) -> bytes:
    """Return a config as an archive stores it."""
    return json.dumps(config).encode()


def open_weights(data: bytes, file: str) -> h5py.File:
    """Open the HDF5 file of the weights in memory, after checking it for links.

    Raises:
        ModelError: it is damaged, or refused by `hdf5_check`.
    """
    import h5py

    try:
        store = h5py.File(io.BytesIO(data), "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{file}: its weights are damaged ({error}); copy it again") from None
    hdf5_check.check(store, file)
    return store


def _refuse_duplicates(archive: zipfile.ZipFile, names: tuple[str, ...], file: str) -> None:
    """Refuse two entries of one name, of which programs read different ones."""
    counts = Counter(info.filename for info in archive.infolist())
    for name in names:
        if counts[name] > 1:
            raise ModelError(
                f"{file}: holds {name} {counts[name]} times; expected it once; save the model again"
            )


def _entry(archive: zipfile.ZipFile, name: str, file: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > max(MAX_BYTES, MAX_RATIO * info.compress_size):
        raise ModelError(
            f"{file}: {name} unpacks to {info.file_size:,} bytes; expected what model.save writes"
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelError(
            f"{file}: {name} is compressed in a way that model.save does not use; save the model "
            "again"
        )
    return archive.read(name)
