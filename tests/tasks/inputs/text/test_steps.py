"""Steps of a text, by hand: UTF-8, cut or padded."""

from typing import Any

import numpy as np
import pytest

from edgebake.tasks import preprocess
from edgebake.tasks.inputs.text import INPUT

UTF8 = {"step": "utf8", "normal_form": "none"}
BYTES = {"step": "bytes", "plus": 1, "length": 4, "keep": "first", "pad": 0}


def run(text: str, *steps: dict[str, Any]) -> Any:
    return preprocess.run(steps, text, {}, INPUT.steps)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [0, 0, 0, 0]),
        ("ab", [98, 99, 0, 0]),
        ("abcde", [98, 99, 100, 101]),
        ("\x00", [1, 0, 0, 0]),
        ("aé", [98, 0xC3 + 1, 0xA9 + 1, 0]),
        ("e\u0301", [102, 0xCC + 1, 0x81 + 1, 0]),  # not composed to é
        ("ab€", [98, 99, 0xE2 + 1, 0x82 + 1]),  # cut within the character
        ("😀", [0xF0 + 1, 0x9F + 1, 0x98 + 1, 0x80 + 1]),
    ],
)
def test_a_text_becomes_its_first_bytes_plus_one(text: str, ids: list[int]) -> None:
    tensor = run(text, UTF8, BYTES)
    assert tensor.tolist() == ids
    assert tensor.dtype == np.int32


def test_what_utf_8_cannot_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        run("\ud800", UTF8)


def test_unknown_words_of_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="normal form 'nfc'; expected 'none'"):
        run("a", {**UTF8, "normal_form": "nfc"})
    with pytest.raises(ValueError, match="keep 'last'; expected 'first'"):
        run("a", UTF8, {**BYTES, "keep": "last"})
