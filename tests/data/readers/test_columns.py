"""Columns of tables: numbers and texts of CSV and Parquet files, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from edgebake.data.readers import columns
from edgebake.data.readers.columns import Limits
from edgebake.errors import DataError

LIMITS = Limits(rows=1000, gigabytes=1)
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_text(text: str) -> Path:
        file = tmp_path / "table.csv"
        file.write_text(text)
        return file

    return write_text


def write_parquet(folder: Path, **values: object) -> Path:
    file = folder / "table.parquet"
    parquet.write_table(pyarrow.table(values), file)
    return file


def refusal(file: Path, numbers: list[str], texts: list[str], limits: Limits = LIMITS) -> str:
    with pytest.raises(DataError) as error:
        columns.read(file, numbers, texts, limits)
    return str(error.value).replace(str(file), "T")


def test_a_csv_gives_numbers_and_texts_by_column(write: Write) -> None:
    file = write("ax,who,more\n1.5,Ann,x\n\n-2e1,Bo,y\n")
    table = columns.read(file, ["ax"], ["who"], LIMITS)
    assert table.numbers["ax"].tolist() == [1.5, -20.0]
    assert table.texts == {"who": ["Ann", "Bo"]}
    # The header is line 1, and line 3 is empty.
    assert [table.place(index) for index in (0, 1)] == [f"{file}: line 2", f"{file}: line 4"]


def test_a_parquet_file_gives_the_same(tmp_path: Path) -> None:
    who = pyarrow.array(["Ann", "Bo"]).dictionary_encode()
    file = write_parquet(tmp_path, ax=np.array([1.5, -20], np.float32), who=who, more=[1, 2])
    table = columns.read(file, ["ax"], ["who", "more"], LIMITS)
    assert table.numbers["ax"].tolist() == [1.5, -20.0]
    assert table.texts == {"who": ["Ann", "Bo"], "more": ["1", "2"]}
    assert table.place(1) == f"{file}: row 2"


def test_names_are_read_without_rows(write: Write, tmp_path: Path) -> None:
    assert columns.names(write("a,b\nno number,1,2,3\n"), LIMITS) == ["a", "b"]
    assert columns.names(write_parquet(tmp_path, a=[1], b=["x"]), LIMITS) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "T: empty; expected the names of the columns and rows"),
        ("ax,who\n", "T: no rows; expected one or more"),
        ("ay,who\n1,A\n", "T: no column 'ax'; expected one of: ay, who"),
        ("ax,who,ax\n1,A,2\n", "T: the column 'ax' is there twice; expected each once"),
        ("ax,who\n1,A\n2\n", "T: line 3 has 1 cells; expected 2, as in the first line"),
        ("ax,who\nnan,A\n", "T: line 2 holds 'nan' in the column 'ax'; expected a finite number"),
        ("ax,who\n,A\n", "T: line 2 holds '' in the column 'ax'; expected a finite number"),
        (
            "ax,who\n1e999,A\n",
            "T: line 2 holds '1e999' in the column 'ax'; expected a finite number",
        ),
        ("ax,who\nfast,A\n", "T: line 2 holds 'fast' in the column 'ax'; expected a finite number"),
        ("ax,who\n1,\n", "T: line 2 has no value in the column 'who'; expected one in every row"),
        (
            'ax,who\n1,"A" B\n',
            "T: line 2 cannot be read (',' expected after '\"'); expected CSV in UTF-8",
        ),
    ],
)
def test_a_bad_csv_is_refused_in_one_line(write: Write, text: str, message: str) -> None:
    assert refusal(write(text), ["ax"], ["who"]) == message


def test_a_csv_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(b"ax,who\n1,A\n2,J\xf6rg\n")
    assert refusal(file, ["ax"], ["who"]).startswith("T: not UTF-8 after line ")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ax": ["1"], "who": ["A"]}, "T: the column 'ax' holds string; expected numbers"),
        (
            {"ax": [1.0], "who": [1.5]},
            "T: the column 'who' holds double; expected texts or whole numbers",
        ),
        (
            {"ax": [1.0, np.inf], "who": ["A", "B"]},
            "T: row 2 holds 'inf' in the column 'ax'; expected a finite number",
        ),
        (
            {"ax": [1.0, None], "who": ["A", "B"]},
            "T: row 2 has no value in the column 'ax'; expected one in every row",
        ),
        (
            {"ax": [1.0, 2.0], "who": ["A", None]},
            "T: row 2 has no value in the column 'who'; expected one in every row",
        ),
        (
            {"ax": [1.0, 2.0], "who": ["A", " "]},
            "T: row 2 has no value in the column 'who'; expected one in every row",
        ),
        (
            {"ax": [[1.0]], "who": ["A"]},
            "T: the column 'ax' holds list<element: double>; expected numbers",
        ),
    ],
)
def test_a_bad_parquet_file_is_refused_in_one_line(
    tmp_path: Path, values: dict[str, object], message: str
) -> None:
    assert refusal(write_parquet(tmp_path, **values), ["ax"], ["who"]) == message


def test_parquet_texts_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    wrong = pyarrow.array([b"J\xf6rg"]).view(pyarrow.string())
    file = write_parquet(tmp_path, ax=[1.0], who=wrong)
    expected = "T: row 1 is not UTF-8 in the column 'who'; expected texts in UTF-8"
    assert refusal(file, ["ax"], ["who"]) == expected


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    file.write_bytes(b"PAR1 and then nothing")
    message = refusal(file, ["ax"], [])
    assert message.startswith("T: ")
    assert message.endswith("; expected a Parquet file")
    assert "\n" not in message


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    file = write_parquet(tmp_path, ax=np.arange(1000.0))
    content = bytearray(file.read_bytes())
    content[20:2000] = bytes(1980)
    file.write_bytes(content)
    message = refusal(file, ["ax"], [])
    assert message.endswith("; expected a whole Parquet file")


def test_other_files_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"")
    assert refusal(tmp_path / "table.xlsx", [], []) == (
        "T: no table; expected a file that ends in .csv, .parquet"
    )
    assert refusal(tmp_path / "no.csv", [], []) == (
        "T: no such file; expected a table: .csv, .parquet"
    )


def test_tables_of_many_rows_bytes_or_columns_are_not_read(write: Write, tmp_path: Path) -> None:
    file = write("ax\n1\n2\n3\n")
    expected = "T: more than 2 rows; expected at most that many"
    assert refusal(file, ["ax"], [], Limits(2, 1)) == expected
    stored = write_parquet(tmp_path, ax=[1, 2, 3])
    assert refusal(stored, ["ax"], [], Limits(2, 1)) == expected
    # 9 bytes are 9e-9 GB.
    too_large = "T: 9e-09 GB; expected at most 8e-09 GB: data.max_gigabytes"
    assert refusal(file, ["ax"], [], Limits(2, 8e-9)) == too_large
    wide = write(",".join(f"c{number}" for number in range(1001)) + "\n")
    assert refusal(wide, [], []) == "T: 1,001 columns; expected at most 1,000"
