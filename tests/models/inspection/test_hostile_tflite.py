"""TFLite files of strangers: each ends in a report or in one line."""

from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import tflite
from edgebake.models.inspection import file
from edgebake.report import model_file
from tests.models.inspection import hostile_tflite


@pytest.mark.parametrize("case", hostile_tflite.REPORTED)
def test_a_file_is_reported_in_few_lines(tmp_path: Path, case: str) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(hostile_tflite.REPORTED[case]())
    report = model_file.lines(file.inspect_file(path), "net.tflite")
    assert len(report) < 30
    assert max(len(line) for line in report) < 1000


@pytest.mark.parametrize("case", hostile_tflite.REFUSED)
def test_a_file_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    build, message = hostile_tflite.REFUSED[case]
    path = tmp_path / "net.tflite"
    path.write_bytes(build())
    with pytest.raises(ModelError) as refused:
        file.inspect_file(path)
    assert str(refused.value).removeprefix(f"{path}: ") == (
        f"is damaged, or no tflite model ({message}); copy it again, or save the model again"
    )


@pytest.mark.parametrize("case", hostile_tflite.REFUSED)
def test_an_import_is_refused_for_the_same_reason(tmp_path: Path, case: str) -> None:
    build, message = hostile_tflite.REFUSED[case]
    path = tmp_path / "net.tflite"
    path.write_bytes(build())
    with pytest.raises(ModelError) as refused:
        tflite._read(str(path))
    assert str(refused.value) == f"{path}: not a valid .tflite ({message}); convert it again"


@pytest.mark.parametrize("case", hostile_tflite.DAMAGED_METADATA)
def test_damaged_metadata_are_named(tmp_path: Path, case: str) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(hostile_tflite.DAMAGED_METADATA[case]())
    with pytest.raises(ModelError, match="its metadata are damaged"):
        file.inspect_file(path)
