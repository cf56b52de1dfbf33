"""Texts of others on the terminal: nothing that a terminal acts upon is printed."""

import io
import sys
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from rich import box
from rich.table import Table
from rich.text import Text

from edgebake.cli import main
from edgebake.errors import EdgebakeError, ModelError, RenamedFieldWarning
from edgebake.models.importers import limited
from edgebake.report import tables
from edgebake.terminal.console import Terminal, escape
from edgebake.terminal.printable import INVISIBLE
from tests.models.importers import graphs

# Characters that clear lines, set the title, reverse the text, end a line, or are no UTF-8.
HOSTILE = "a\x1b[2K\x1b]0;t\x07\u202eb\x9b1Ac\u200bd\udc80e\x00f\u2028g\rh[red]i[/]:smile:"
ESCAPED = r"a\x1b[2K\x1b]0;t\x07\u202eb\x9b1Ac\u200bd\udc80e\x00f\u2028g\rh[red]i[/]:smile:"
KEPT = "\n"


def raw_characters(text: str) -> list[str]:
    """The characters of a text that a terminal does not show as they are."""
    return [
        character
        for character in text
        if unicodedata.category(character) in INVISIBLE and character not in KEPT
    ]


def printed(*renderables: object) -> str:
    stream = io.StringIO()
    Terminal(file=stream, width=200).print(*renderables)
    return stream.getvalue()


def test_a_text_is_escaped_and_holds_no_markup() -> None:
    assert printed(HOSTILE) == f"{ESCAPED}\n"


def test_a_styled_text_an_error_and_a_cell_are_escaped() -> None:
    table = Table(HOSTILE, box=box.SIMPLE)
    table.add_row(HOSTILE)
    for renderable in (Text(HOSTILE), EdgebakeError(HOSTILE), table):
        text = printed(renderable)
        assert raw_characters(text) == []
        assert r"\x1b[2K" in text
    assert raw_characters(tables.as_text(table)) == []


def test_lines_of_edgebake_stay_lines() -> None:
    assert printed("one\ntwo\tthree") == "one\ntwo     three\n"


def test_styles_and_control_codes_of_rich_stay() -> None:
    stream = io.StringIO()
    terminal = Terminal(file=stream, force_terminal=True, width=80, color_system="standard")
    terminal.print("red", style="red")
    terminal.show_cursor(False)
    assert stream.getvalue() == "\x1b[31mred\x1b[0m\n\x1b[?25l"


@given(st.text(st.characters()))
def test_no_text_reaches_the_terminal_with_a_raw_character(text: str) -> None:
    assert raw_characters(escape(text).replace("\t", "")) == []
    assert raw_characters(printed(text).replace("\t", "")) == []


def test_warnings_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    main._print_warning(RenamedFieldWarning(HOSTILE), RenamedFieldWarning, "f", 1, sys.stderr)
    main._print_warning(UserWarning(HOSTILE), UserWarning, HOSTILE, 1)
    output = capsys.readouterr().err
    assert raw_characters(output) == []
    assert output.startswith(f"edgebake: {ESCAPED}\n")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a verb; return its exit code and all that it prints."""
    with warnings.catch_warnings():
        try:
            code = main.main([*arguments])
        except SystemExit as stopped:
            code = int(str(stopped.code))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", f"{HOSTILE}.onnx"],
        ["inspect", f"{HOSTILE}\nedgebake: sound.pt"],
        ["inspect", "net.onnx", HOSTILE],
        [HOSTILE],
        ["show", HOSTILE],
        ["gate", HOSTILE],
        ["sensitivity", HOSTILE],
        ["verify", HOSTILE],
        ["init", HOSTILE],
        ["init", "mine", "--device", HOSTILE],
        ["init", "mine", "--device", "pixel_8", "--model", f"{HOSTILE}.onnx"],
        ["init", "mine", "--device", "pixel_8", "--data", HOSTILE],
        ["keygen", f"{HOSTILE}/no/folder"],
        ["train", HOSTILE],
    ],
    ids=lambda arguments: f"{arguments[0][:8]} {len(arguments)}",
)  # fmt: skip
def test_a_verb_repeats_its_arguments_escaped(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    if "\0" in HOSTILE:
        arguments = [argument.replace("\0", "") for argument in arguments]
    code, output = run(capsys, *arguments)
    assert code in (1, 2)
    assert raw_characters(output.replace("\t", "")) == []
    assert "Traceback" not in output


def hostile_model(path: Path) -> Path:
    """An ONNX file whose every text is hostile, with a line break."""
    name = HOSTILE.replace("\udc80", "") + "\nlast: line"
    weights = numpy_helper.from_array(np.zeros((64, 2), np.float32), "w")
    nodes = [
        helper.make_node("Flatten", [name], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["l"]),
        helper.make_node(name, ["l"], [f"{name}2"], domain=name),
    ]
    image = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 8, 8])
    scores = helper.make_tensor_value_info(f"{name}2", TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph(nodes, name, [image], [scores], [weights])
    model = helper.make_model(graph, producer_name=name, producer_version=name)
    helper.set_model_props(model, {name: name, "names": str([name, f"{name}2"])})
    onnx.save(model, path)
    return path


def test_every_name_of_a_model_is_printed_escaped_and_in_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hostile_model(tmp_path / "ne\x1b[2Kt\n.onnx")
    code, output = run(capsys, "inspect", str(path))
    assert code == 0
    assert raw_characters(output) == []
    assert not any(line.startswith(("last: line", "edgebake")) for line in output.splitlines())
    assert r"input" in output
    assert r"\x1b[2K" in output


def test_a_message_about_an_import_is_one_line_without_raw_characters(tmp_path: Path) -> None:
    file = hostile_model(tmp_path / "net.onnx")
    importing = limited.Importing(graphs.contract(), graphs.options(file), threads=1, seed=0)
    with pytest.raises(ModelError) as refused:
        limited._load(importing)
    message = str(refused.value)
    assert r"\x1b[2K" in message
    assert raw_characters(message) == []
    assert "\n" not in message
