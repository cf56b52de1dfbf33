"""Earlier digest files are kept while dvc.lock refers to them, and say which files changed."""

import hashlib
from pathlib import Path

import pytest

from edgebake.plan import code_history

BEFORE = b"1111  edgebake/a.py\n2222  edgebake/b.py\n"
AFTER = b"1111  edgebake/a.py\n3333  edgebake/b.py\n4444  edgebake/c.py\n"
MD5 = hashlib.md5(BEFORE, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_files_of_other_lines_are_named() -> None:
    code_history.keep([BEFORE])
    assert code_history.changed_files(MD5, AFTER) == ["edgebake/b.py", "edgebake/c.py"]


def test_what_no_record_refers_to_is_removed() -> None:
    code_history.keep([BEFORE])
    Path("dvc.lock").write_text(f"md5: {MD5}\n")
    code_history.keep([AFTER])
    assert code_history.changed_files(MD5, AFTER) == ["edgebake/b.py", "edgebake/c.py"]
    Path("dvc.lock").write_text("stages: {}\n")
    code_history.keep([AFTER])
    assert code_history.changed_files(MD5, AFTER) == []


def test_a_damaged_file_names_nothing() -> None:
    code_history.keep([BEFORE])
    (code_history.FOLDER / MD5).write_bytes(BEFORE[:-5])
    assert code_history.changed_files(MD5, AFTER) == []
