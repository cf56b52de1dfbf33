"""What of a source counts as code, and what it refers to."""

import pytest

from edgebake.plan.source_text import PluginCall, code_lines, references

SOURCE = '''\
"""A module."""

import os  # for paths


def scaled(value: int) -> int:
    """Return twice the value."""
    # twice
    return value * 2
'''


@pytest.mark.parametrize(
    "edited",
    [
        SOURCE.replace("# twice", "# two times"),
        SOURCE.replace("    # twice\n", ""),
        SOURCE.replace("A module.", "Another text,\n\nof more lines."),
        SOURCE.replace("Return twice the value.", "Return the value, twice."),
        SOURCE.replace("  # for paths", ""),
        SOURCE.replace("\n\n\n", "\n\n"),
        SOURCE.replace("value * 2", "value * 2   "),
    ],
)
def test_comments_docstrings_and_blank_lines_are_no_code(edited: str) -> None:
    assert edited != SOURCE
    assert code_lines(edited) == code_lines(SOURCE)


@pytest.mark.parametrize(
    "edited",
    [
        SOURCE.replace("value * 2", "value * 3"),
        SOURCE.replace("import os", "import sys"),
        SOURCE.replace("return", "yield"),
    ],
)
def test_statements_are_code(edited: str) -> None:
    assert code_lines(edited) != code_lines(SOURCE)


def test_a_blank_line_or_a_hash_inside_a_string_is_code() -> None:
    text = 'TEXT = """a\n\n# b  \n"""\n'
    assert code_lines(text) == text.rstrip("\n")
    assert code_lines(text) != code_lines(text.replace("\n\n", "\n"))
    assert code_lines(text) != code_lines(text.replace("  \n", "\n"))


def test_a_docstring_beside_code_in_one_line_is_cut_out_by_bytes() -> None:
    assert code_lines('def f(): "é"; return "ü"\n') == 'def f(): ; return "ü"'


def test_a_string_that_is_no_docstring_is_code() -> None:
    assert code_lines('NAME = "a"\n"b"\n') == 'NAME = "a"\n"b"'


def test_references_are_told_apart_by_function() -> None:
    text = """\
from edgebake import plugins
from . import near
import numpy as np

def load(data):
    from edgebake.data.sources import digits
    return plugins.load("data.source", data.source).load(data)

class Runtime:
    def strip(self, files):
        from edgebake.models.tflite import strip
        return plugins.load_all("edgebake.runtimes.litert.encoders")
"""
    result = references(text, "edgebake.stages")
    ours = {"edgebake", "edgebake.plugins", "edgebake.stages", "edgebake.stages.near"}
    assert set(result.top.imports) == {*ours, "numpy"}
    assert result.functions["load"].imports == [
        "edgebake.data.sources",
        "edgebake.data.sources.digits",
    ]
    assert result.functions["load"].plugins == [PluginCall("load", "data.source")]
    assert result.functions["strip"].plugins == [
        PluginCall("load_all", "edgebake.runtimes.litert.encoders")
    ]
    assert "digits" not in result.top.names


def test_what_is_imported_for_types_alone_is_not_run() -> None:
    text = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import numpy\n"
        "else:\n    import json\n"
    )
    assert references(text, "edgebake").top.imports == ["typing", "typing.TYPE_CHECKING", "json"]


def test_a_name_given_to_getattr_counts_as_used() -> None:
    assert "strip" in references('getattr(runtime, "strip")\n', "edgebake").top.names


def test_reading_the_own_package_as_text_is_noticed() -> None:
    assert references("resources.files(__package__)\n", "edgebake").top.reads_own_folder
    assert not references(
        'resources.files("edgebake").joinpath("schema.json")\n', "edgebake"
    ).top.reads_own_folder
