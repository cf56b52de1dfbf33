"""Slow builds run once for all processes. A failed build is not repeated by the next process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import releases


def test_several_who_need_it_at_the_same_time_get_it_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> None:
        calls.append(folder)
        folder.mkdir()

    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: releases.once(tmp_path / "shared/quick", make), range(4))
        )
    assert answers == [tmp_path / "shared/quick"] * 4
    assert calls == [tmp_path / "shared/quick"]


def test_what_failed_says_so_to_everybody_and_is_not_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise ValueError("dvc: no space left")

    with pytest.raises(ValueError, match="no space left"):
        releases.once(tmp_path / "quick", fail)
    with pytest.raises(
        AssertionError, match=r"^quick: failed before, in this run: dvc: no space left$"
    ):
        releases.once(tmp_path / "quick", Path.mkdir)


def test_a_copy_is_edited_without_a_trace_in_the_release(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release/file").write_text("built")
    copy = releases.copy(tmp_path / "release", tmp_path / "copy")
    (copy / "file").write_text("edited")
    assert (tmp_path / "release/file").read_text() == "built"
