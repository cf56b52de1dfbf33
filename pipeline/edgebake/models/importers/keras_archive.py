"""Read and write the entries of a .keras archive: a config, metadata and weights in a zip file."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import safety
from edgebake.models.importers.safety import Config

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# An entry may unpack to so many bytes, or to so many times its compressed size.
MAX_BYTES = 256 * 2**20
MAX_RATIO = 100


def read(path: Path, file: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the named entries of an archive; no other is read.

    Raises:
        ModelError: the archive is damaged, lacks an entry, or an entry unpacks to too many bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _entry(archive, name, file) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
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


def parse_config(text: bytes | str, file: str) -> Config:
    """Parse a config or metadata.

    Raises:
        ModelError: it is not JSON.
    """
    try:
        config: Config = json.loads(text)
    except ValueError as error:
        raise ModelError(f"{file}: its config is damaged ({error}); copy it again") from None
    return config


def serialize_config(config: object) -> bytes:
    """Return a config as an archive stores it."""
    return json.dumps(config).encode()


def open_weights(data: bytes, file: str) -> h5py.File:
    """Open the HDF5 file of the weights in memory, after checking it for links.

    Raises:
        ModelError: it is damaged, or refused by `safety.refuse_links`.
    """
    import h5py

    try:
        store = h5py.File(io.BytesIO(data), "r")
    except OSError as error:
        raise ModelError(f"{file}: its weights are damaged ({error}); copy it again") from None
    safety.refuse_links(store, file)
    return store


def _entry(archive: zipfile.ZipFile, name: str, file: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > max(MAX_BYTES, MAX_RATIO * info.compress_size):
        raise ModelError(
            f"{file}: {name} unpacks to {info.file_size:,} bytes; expected what model.save writes"
        )
    return archive.read(name)
