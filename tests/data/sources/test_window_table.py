"""Windows of a table: rows of one window after another, all of one length."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from edgebake.data.sources import window_table
from edgebake.errors import DataError
from edgebake.recipe import Data, DataInput, SplitBy, Splits

HEADER = "window,label,person,split,ax,ay"
ROWS = (
    "w1,tap,Ann,train,1,2",
    "w1,tap,Ann,train,3,4",
    "w2,rest,Ann,train,5,6",
    "w2,rest,Ann,train,7,8",
    "w3,tap,Bo,test,9,10",
    "w3,tap,Bo,test,11,12",
)


def options(file: Path, splits: Splits | None = None, **values: Any) -> Data:
    signal = DataInput("signal", {"channels": ["ay", "ax"]})
    return Data(
        source="window_table",
        path=str(file),
        splits=splits or Splits(SplitBy.seed),
        input=signal,
        source_options={"columns": ["person"], **values},
    )


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "windows.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def refusal(data: Data) -> str:
    with pytest.raises(DataError) as error:
        window_table.count(data)
    return str(error.value).replace(str(data.path), "T")


def test_windows_have_the_channels_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    examples = window_table.load(options(write(tmp_path, *ROWS)))
    windows = np.stack(list(examples.inputs))
    assert windows.dtype == np.float32
    # [window, sample, channel], ay before ax
    assert windows.tolist() == [[[2, 1], [4, 3]], [[6, 5], [8, 7]], [[10, 9], [12, 11]]]
    assert examples.classes == ["rest", "tap"]
    assert examples.labels.tolist() == [1, 0, 1]
    assert examples.names == ["w1", "w2", "w3"]
    assert examples.columns == {"person": ["Ann", "Ann", "Bo"]}


def test_a_parquet_table_gives_the_same(tmp_path: Path) -> None:
    from_csv = window_table.load(options(write(tmp_path, *ROWS)))
    cells = list(zip(*(row.split(",") for row in ROWS), strict=True))
    values: dict[str, Any] = dict(zip(HEADER.split(","), cells, strict=True))
    for channel in ("ax", "ay"):
        values[channel] = np.array(values[channel], np.float64)
    file = tmp_path / "windows.parquet"
    parquet.write_table(pyarrow.table(values), file)
    examples = window_table.load(options(file))
    np.testing.assert_array_equal(np.stack(examples.inputs), np.stack(from_csv.inputs))
    assert examples.columns == from_csv.columns


def test_splits_are_those_of_the_table_if_the_recipe_names_them(tmp_path: Path) -> None:
    file = write(tmp_path, *ROWS)
    data = options(file, Splits(SplitBy.source), split="split")
    assert window_table.count(data) == {"train": 2, "test": 1}
    assert window_table.load(data).splits == ["train", "train", "test"]
    assert window_table.count(options(file)) == {"": 3}
    assert window_table.columns(data) == ["person"]


def test_an_edited_table_is_read_again(tmp_path: Path) -> None:
    assert window_table.count(options(write(tmp_path, *ROWS))) == {"": 3}
    assert window_table.count(options(write(tmp_path, *ROWS[:4]))) == {"": 2}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ROWS[:5],
            "T: line 6: the window 'w3' has 1 rows, 'w1' has 2; expected as many in every window",
        ),
        (
            (*ROWS, "w1,tap,Ann,train,1,2"),
            "T: line 8 is of the window 'w1' again; "
            "expected the rows of a window one after another",
        ),
        (
            (ROWS[0], "w1,rest,Ann,train,3,4", *ROWS[2:]),
            "T: line 3 holds 'rest' in the column 'label', the window 'w1' began with 'tap'; "
            "expected one value in a window",
        ),
        (
            ("w1,tap,Ann,train,1,nan", *ROWS[1:]),
            "T: line 2 holds 'nan' in the column 'ay'; expected a finite number",
        ),
        (
            ("w1,tap,,train,1,2", *ROWS[1:]),
            "T: line 2 has no value in the column 'person'; expected one in every row",
        ),
        (ROWS[:2], "T: all examples are of the class 'tap'; expected two classes or more"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(
    tmp_path: Path, rows: tuple[str, ...], message: str
) -> None:
    data = options(write(tmp_path, *rows))
    with pytest.raises(DataError) as error:
        window_table.load(data)
    assert str(error.value).replace(str(data.path), "T") == message


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, *ROWS)
    columns = "ax, ay, label, person, split, window"
    assert refusal(options(file, window="windows")) == (
        f"T: no column 'windows'; expected one of: {columns}; did you mean 'window'?"
    )
    data = options(file)
    data.input.options["channels"] = ["ax", "gz"]
    assert refusal(data).startswith(f"T: no column 'gz'; expected one of: {columns}")
    data.input.options["channels"] = None
    assert refusal(data) == (
        "data.input.options.channels: None; expected the columns of the table with samples"
    )


def test_splits_that_contradict_the_recipe_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, *ROWS)
    assert refusal(options(file, Splits(SplitBy.source))) == (
        "T: has no splits of its own; expected a column that data.source_options.split names, "
        "or `data.splits.by: seed`"
    )
    assert refusal(options(file, split="split")) == (
        "T: has its own splits: test and train; expected `data.splits.by: source`"
    )
    assert refusal(options(file, Splits(SplitBy.source), split="person")) == (
        "T: w1 has the split 'Ann'; expected train, validation, test or calibration"
    )


def test_a_long_table_is_not_read(tmp_path: Path) -> None:
    data = options(write(tmp_path, *ROWS), max_rows=5)
    assert refusal(data) == "T: more than 5 rows; expected at most that many"
