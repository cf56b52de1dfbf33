"""Labeled texts of a table: the text as it is, its label and further columns."""

from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from edgebake.data.sources import text_table
from edgebake.errors import DataError
from edgebake.recipe import Data, DataInput, SplitBy, Splits

TABLE = (
    "text,label,author,part\n"
    '"Grüße, Welt ",de,Ann,train\n'
    '"two\nlines",en,Bo,train\n'
    "ciao,de,Bo,test\n"
)


def options(file: Path, splits: Splits | None = None, **values: Any) -> Data:
    return Data(
        source="text_table",
        path=str(file),
        splits=splits or Splits(SplitBy.seed),
        input=DataInput("text", {"bytes": 8}),
        source_options={"columns": ["author"], **values},
    )


def write(folder: Path, text: str = TABLE) -> Path:
    file = folder / "texts.csv"
    file.write_text(text, "utf-8")
    return file


def refusal(data: Data) -> str:
    with pytest.raises(DataError) as error:
        text_table.load(data)
    return str(error.value).replace(str(data.path), "T")


def test_texts_stay_as_they_are(tmp_path: Path) -> None:
    examples = text_table.load(options(write(tmp_path)))
    assert list(examples.inputs) == ["Grüße, Welt ", "two\nlines", "ciao"]
    assert examples.classes == ["de", "en"]
    assert examples.labels.tolist() == [0, 1, 0]
    assert examples.columns == {"author": ["Ann", "Bo", "Bo"]}
    assert examples.names == ["line 2", "line 4", "line 5"]  # a text of two lines ends in line 4


def test_a_parquet_table_gives_the_same(tmp_path: Path) -> None:
    file = tmp_path / "texts.parquet"
    texts = {"text": ["Grüße", "ciao"], "label": ["de", "it"], "author": [1, 2]}
    parquet.write_table(pyarrow.table(texts), file)
    examples = text_table.load(options(file))
    assert list(examples.inputs) == ["Grüße", "ciao"]
    assert examples.columns == {"author": ["1", "2"]}


def test_splits_are_those_of_the_table_if_the_recipe_names_them(tmp_path: Path) -> None:
    data = options(write(tmp_path), Splits(SplitBy.source), split="part")
    assert text_table.count(data) == {"train": 2, "test": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,lable\na,b\n", "T: no column 'author'; expected one of: lable, text"),
        (
            "text,lable,author\na,b,c\n",
            "T: no column 'label'; expected one of: author, lable, text; did you mean 'lable'?",
        ),
        (
            "text,label,author\n,de,Ann\n",
            "T: line 2 has no value in the column 'text'; expected one in every row",
        ),
        (
            "text,label,author\nhallo,de,Ann\nwelt,de,Bo\n",
            "T: all examples are of the class 'de'; expected two classes or more",
        ),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(options(write(tmp_path, text))) == message


def test_a_table_of_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_bytes("text,label,author\nGrüße,de,Ann\n".encode("latin-1"))
    assert refusal(options(file)).startswith("T: not UTF-8 after line ")


def test_a_class_that_is_tested_and_never_trained_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, TABLE.replace("ciao,de", "ciao,it"))
    data = options(file, Splits(SplitBy.source), split="part")
    assert refusal(data) == "T: test holds 'it', train does not; expected every class in train"
