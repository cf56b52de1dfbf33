"""Last durations: written whole, read strictly, of planned tasks alone."""

from pathlib import Path

import pytest

from edgebake.execution import durations
from edgebake.execution.durations import ASIDE, FILE
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan

TRAIN = "train@digits-ds_cnn"
DATA = "data@digits"


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _damage(data: bytes) -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(data)


def test_without_a_file_no_duration_is_known() -> None:
    assert durations.read() == {}
    assert not FILE.exists()


def test_the_last_duration_of_each_task_is_kept() -> None:
    durations.record(TRAIN, 43.01249)
    durations.record(DATA, 2)
    durations.record(TRAIN, 29.6)
    assert durations.read() == {DATA: 2, TRAIN: 29.6}
    assert FILE.read_text() == '{\n  "data@digits": 2,\n  "train@digits-ds_cnn": 29.6\n}\n'
    assert [path.name for path in FILE.parent.iterdir()] == [FILE.name]


def test_a_duration_is_kept_in_milliseconds() -> None:
    durations.record(TRAIN, 43.01249)
    assert durations.read() == {TRAIN: 43.012}


def test_durations_of_removed_variants_are_dropped() -> None:
    durations.record(TRAIN, 43)
    durations.record(DATA, 2)
    durations.keep_only([DATA, "plan"])
    assert durations.read() == {DATA: 2}


def test_nothing_is_written_if_every_variant_is_still_planned() -> None:
    durations.keep_only([DATA])
    assert not FILE.exists()


def test_removing_outputs_of_removed_variants_keeps_the_durations(
    project: Path, planned: Plan
) -> None:
    durations.record(TRAIN, 43)
    planner.write(planned)
    assert durations.read() == {TRAIN: 43}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": 1', "not valid JSON: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (b"[]", "a list; expected a mapping"),
        (b'{"a": "1"}', "a: '1'; expected a number"),
        (b'{"a": true}', "a: true; expected a number"),
        (b'{"a": -1}', "a: -1 seconds; expected 0 to 1000000000"),
        (b'{"\\u001b": -1}', "\\x1b: -1 seconds; expected 0 to 1000000000"),
        (b'{"a": 1e10}', "a: 10000000000.0 seconds; expected 0 to 1000000000"),
        (b'{"a": NaN}', "the number NaN; expected finite numbers"),
        (b'{"a": 1, "a": 2}', "a key is repeated in one object; expected each key once"),
        (b" " * (4 << 20) + b"{}", "4,194,305 bytes; expected at most 4,194,304"),
    ],
)
def test_a_damaged_file_is_set_aside_with_a_line(
    data: bytes, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _damage(data)
    assert durations.read() == {}
    assert capsys.readouterr().err == (
        f"artifacts/.durations.json: {problem}; moved to artifacts/.durations.json.unreadable: "
        "no duration is known until tasks run\n"
    )
    assert not FILE.exists()
    assert ASIDE.stat().st_size <= len(data)
    durations.record(TRAIN, 43)
    assert durations.read() == {TRAIN: 43}
    assert capsys.readouterr().err == ""
