"""ONNX files of strangers: each ends in a report or in one line."""

from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import onnx_graph
from edgebake.models.inspection import file
from edgebake.models.inspection.label_text import parse
from edgebake.report import model_file
from tests.models.inspection import hostile_onnx


@pytest.mark.parametrize("case", hostile_onnx.REPORTED)
def test_a_file_is_reported_in_few_lines(tmp_path: Path, case: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(hostile_onnx.REPORTED[case]().SerializeToString())
    report = model_file.lines(file.inspect_file(path), "net.onnx")
    assert len(report) < 30
    assert max(len(line) for line in report) < 1000


@pytest.mark.parametrize("case", hostile_onnx.REFUSED)
def test_a_file_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    build, message = hostile_onnx.REFUSED[case]
    path = tmp_path / "net.onnx"
    path.write_bytes(build().SerializeToString())
    with pytest.raises(ModelError) as refused:
        file.inspect_file(path)
    assert str(refused.value) == (
        f"{path}: is damaged, or no onnx model ({message}); copy it again, or save the model again"
    )


@pytest.mark.parametrize("case", [*hostile_onnx.REFUSED, *hostile_onnx.REPORTED])
def test_an_import_ends_in_one_line_or_in_a_graph(tmp_path: Path, case: str) -> None:
    if case in hostile_onnx.REFUSED:
        build, _ = hostile_onnx.REFUSED[case]
    else:
        build = hostile_onnx.REPORTED[case]
    path = tmp_path / "net.onnx"
    path.write_bytes(build().SerializeToString())
    message = ""
    try:
        onnx_graph.load(str(path))
    except ModelError as error:
        message = str(error)
    assert not message or message.startswith(f"{path}: ")
    assert "\n" not in message


def test_labels_are_texts_of_json_or_python() -> None:
    assert parse("{0: 'cat', 1: 'dog'}") == ("cat", "dog")
    assert parse("['cat', \"dog's\",]") == ("cat", "dog's")
    assert parse(r"['a\x41\u0042\'']") == ("aAB'",)
    assert parse('["cat", "dog"]') == ("cat", "dog")
    assert parse('{"0": "cat"}') == ("cat",)
    for text in ("", "[]", "['a'", "['a', b]", "{0: 'a' 1: 'b'}", "['a']['b']", "[1, 2]", "('a',)"):
        assert parse(text) == ()
