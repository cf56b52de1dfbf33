"""Names of strangers on a terminal."""

import pytest

from edgebake.terminal.printable import is_printable, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("naïve 猫 🐈", "naïve 猫 🐈"),
        ("a\x1b[2Kb", r"a\x1b[2Kb"),
        ("cat\ndog", r"cat\ndog"),
        ("digits\u202etfosorciM", r"digits\u202etfosorciM"),
        ("dig\u200bits", r"dig\u200bits"),
        ("\ud800", r"\ud800"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_invisible_characters_are_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert is_printable(text) == (text == expected)


def test_characters_can_be_kept() -> None:
    assert printable("a\nb\x07", keep="\n") == "a\nb\\x07"


def test_long_text_is_cut() -> None:
    assert printable("x" * 11, max_length=10) == "x" * 10 + "..."
    assert printable("x" * 10, max_length=10) == "x" * 10
