"""Entries of a .keras archive are read by name, and refused if they unpack to too many bytes."""

import json
import zipfile
from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import keras_archive


def test_an_archive_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(1 << 20))
    monkeypatch.setattr(keras_archive, "MAX_BYTES", 1 << 16)
    with pytest.raises(ModelError, match="unpacks to 1,048,576 bytes"):
        keras_archive.read(tmp_path / "model.keras", "model.keras", ("config.json",))


def test_an_archive_without_its_weights_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({}))
    with pytest.raises(ModelError, match=r"model\.weights\.h5.*expected a \.keras archive"):
        keras_archive.read(
            tmp_path / "model.keras", "model.keras", ("config.json", "model.weights.h5")
        )
