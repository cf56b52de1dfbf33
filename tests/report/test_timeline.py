"""Gantt chart of a build: rows, sums, refusals before the build, and the files that are written."""

import errno
import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from edgebake.errors import HostError
from edgebake.report import timeline
from edgebake.report.timeline import Bar, Timeline
from edgebake.report.timeline_chart import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Bar("data@digits", "data", "local", 0, 2, is_critical=True)
TRAIN = Bar("train@ds_cnn", "train", "local", 2, 12, is_critical=True)
OTHER = Bar("train@mobilenet", "train", "local", 2.5, 6)
VALIDATE = Bar("validate@ds_cnn-host", "validate", "local", 12, 15, is_quiet=True)
SHORT = Bar("proof@android", "proof", "local", 15, 15.01, is_failed=True)
BARS = (TRAIN, DATA, OTHER, VALIDATE, SHORT)
BUILD = Timeline(BARS, 16, {"unchanged": 3, "not run": 0})


def _texts(figure: "Figure") -> set[str]:
    """Return all texts of a picture."""
    texts = [*figure.texts, *figure.axes[0].texts, *figure.axes[0].get_yticklabels()]
    return {text.get_text() for text in texts}


def test_stages_that_ran_side_by_side_are_on_rows_of_their_own() -> None:
    rows = timeline.rows_of(BARS)
    assert [(row.label, row.bars) for row in rows] == [
        ("local 1", [DATA, TRAIN, VALIDATE, SHORT]),
        ("local 2", [OTHER]),
    ]


def test_each_worker_has_its_rows() -> None:
    remote = Bar("train@mobilenet", "train", "gpu", 0, 1)
    assert [(row.label, row.worker) for row in timeline.rows_of([DATA, remote])] == [
        ("gpu", "gpu"),
        ("local", "local"),
    ]


def test_the_head_sums_up() -> None:
    assert timeline.summary(BUILD) == (
        "5 stages ran, 19 s of work, critical path 12 s, 3 unchanged"
    )


def test_long_bars_have_names_short_ones_numbers_and_the_list_has_all() -> None:
    texts = _texts(Chart(BUILD).figure())
    assert {"2 train@ds_cnn", "4 validate@ds_cnn-host", "5", "local 1", "local 2"} <= texts
    assert {"data@digits", "proof@android, failed", "10 s", "0.0 s", "Build: 16 s"} <= texts


def test_the_size_depends_on_the_numbers_of_rows_and_bars_alone() -> None:
    def size(number: int, seconds: float) -> tuple[float, float]:
        bars = [Bar(f"convert@{i}", "convert", "w", i, i + seconds) for i in range(number)]
        width, height = Chart(Timeline(bars, 1000, {})).figure().get_size_inches()
        return float(width), round(float(height), 2)

    assert size(60, 1.0) == size(60, 0.5) == (16.0, 5.45)
    assert size(0, 1.0) == (16.0, 2.9)


def test_numbers_above_bars_do_not_hide_each_other() -> None:
    bars = [Bar(f"proof@{i}", "proof", "w", i / 10, (i + 1) / 10) for i in range(3)]
    figure = Chart(Timeline(bars, 100, {})).figure()
    heights = {text.get_position()[1] for text in figure.axes[0].texts}
    assert len(heights) == 3


def test_names_are_no_formulas() -> None:
    bar = Bar("train@$x_1$", "train", "$w$", 0, 10)
    figure = Chart(Timeline([bar], 10, {})).figure()
    assert "1 train@$x_1$" in _texts(figure)
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89")],
)
def test_the_suffix_is_the_format_and_the_bytes_are_the_same_each_time(
    tmp_path: Path, suffix: str, start: bytes
) -> None:
    file = tmp_path / f"schedule.{suffix}"
    timeline.check(file)
    timeline.write(BUILD, file)
    first = file.read_bytes()
    assert first.startswith(start)
    timeline.write(BUILD, file)
    assert file.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_build_in_which_nothing_ran_has_a_chart(tmp_path: Path) -> None:
    file = tmp_path / "schedule.svg"
    timeline.write(Timeline([], 1, {"unchanged": 9}), file)
    assert file.stat().st_size > 1000


def _refusal(file: Path) -> str:
    with pytest.raises(HostError) as error:
        timeline.check(file)
    return str(error.value)


@pytest.mark.parametrize(("name", "suffix"), [("a.txt", ".txt"), ("a", ""), ("a.png.gz", ".gz")])
def test_an_unknown_suffix_is_refused(name: str, suffix: str) -> None:
    assert _refusal(Path(name)) == (
        f"--timeline: {name}: unknown suffix '{suffix}'; expected .pdf, .png or .svg"
    )


def test_a_missing_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "no" / "a.png") == (
        f"--timeline: {tmp_path}/no: not found; expected a folder that exists"
    )
    folder = tmp_path / "a.png"
    folder.mkdir()
    assert _refusal(folder) == f"--timeline: {folder}: a folder; expected the path of a file"


def test_a_folder_that_cannot_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    file = tmp_path / "a.png"
    assert _refusal(file) == (
        f"--timeline: {file}: Read-only file system; expected that you may read and write it"
    )


def test_checking_keeps_a_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"of the build before")
    timeline.check(file)
    assert file.read_bytes() == b"of the build before"


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[..., Any] = importlib.util.find_spec

    def find_no_matplotlib(name: str) -> Any:
        return None if name == "matplotlib" else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_no_matplotlib)
    assert _refusal(Path("a.png")) == (
        "--timeline: matplotlib is not installed; expected it in this environment: "
        "it is the extra `timeline` of edgebake"
    )
