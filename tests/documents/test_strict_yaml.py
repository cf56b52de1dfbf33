"""YAML has one meaning only, is bounded in size and depth, and its faults are named with a line."""

import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError


def refusal(data: bytes) -> str:
    with pytest.raises(StrictYamlError) as refused:
        strict_yaml.parse(data)
    return str(refused.value)


def test_scalars_are_those_of_yaml_1_2_without_surprises() -> None:
    text = "{a: 010, b: 1e-3, c: .5, d: 1_000, e: yes, f: 1., g: 0x1F, h: 1:30, i: ~, j: true}"
    assert strict_yaml.parse(text.encode()) == {
        "a": "010",
        "b": 0.001,
        "c": 0.5,
        "d": 1000,
        "e": "yes",
        "f": 1.0,
        "g": 31,
        "h": "1:30",
        "i": None,
        "j": True,
    }


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"null\n"])
def test_an_empty_document_is_none(data: bytes) -> None:
    assert strict_yaml.parse(data) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 'x\nb: 1\n", "line 1: not YAML: a quote is not closed; expected a second one"),
        (b"a: 1\nb: [1, 2\n", "line 2: not YAML: a list is not closed; expected ',' or ']'"),
        (b"b: {x: 1\n", "line 1: not YAML: a mapping is not closed; expected ',' or '}'"),
        (b"a:\n\tb: 1\n", "line 2: not YAML: a tab; expected spaces"),
        (
            b"a: b: c\n",
            "line 1: not YAML: a ':' where none can be; expected one key in a line, or quotes "
            "around the text",
        ),
        (
            b"a:\n   b: 1\n  c: 2\n",
            "line 3: not YAML: neither a key nor a value; expected `key: value`, indented as above",
        ),
        (b"a: *x\n", "line 1: the alias *x; expected the value itself"),
        (
            b"a: &x 1\n",
            "line 1: the anchor &x; expected the value alone: aliases are not read",
        ),
        (
            b"a: !!python/name:os.system x\n",
            "line 1: the tag tag:yaml.org,2002:python/name:os.system; expected the value alone",
        ),
        (b"<<: {a: 1}\n", "line 1: the merge key <<; expected the keys themselves"),
        (b"~: 1\n", "line 1: the key null; expected a text as key"),
        (b"1: 2\n", "line 1: the key 1; expected a text as key"),
        (b"? [a]\n: 1\n", "line 1: the key a list; expected a text as key"),
        (b"a: 1\na: 2\n", "line 2: the key 'a' is in line 1 already; expected each key once"),
        (b"a: 1\n---\nb: 2\n", "line 2: a second document; expected only one in a file"),
        (b"a: caf\xe9\n", "line 1: not UTF-8: the byte 0xe9 at position 6; expected UTF-8"),
        (b"a: 1\nb: \0\n", "line 2: the control character U+0000; expected text in UTF-8"),
        (
            "a: 1\n".encode("utf-16"),
            "line 1: is UTF-16; expected UTF-8 without a byte order mark",
        ),
        (
            b"\xef\xbb\xbfa: 1\n",
            "line 1: begins with a byte order mark; expected UTF-8 without a byte order mark",
        ),
        (
            b"a: 1\n<<<<<<< HEAD\nb: 2\n=======\n",
            "line 2: <<<<<<<, a mark of a merge conflict; expected a file without conflicts",
        ),
        (
            b"a: " + b"9" * 5000,
            "line 1: a number of 5,000 characters; expected at most 100, or quotes around a text",
        ),
        (
            b"a: " + b"[" * 5000,
            "line 1: nested too deep; expected at most 64 levels of mappings and lists",
        ),
        (
            b"x" * ((1 << 20) + 1),
            "larger than 1,048,576 bytes; expected at most that",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(data: bytes, message: str) -> None:
    assert refusal(data) == message


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["b0: &b0 [x]"]
    for level in range(1, 12):
        aliases = ", ".join([f"*b{level - 1}"] * 10)
        lines.append(f"b{level}: &b{level} [{aliases}]")
    start = time.process_time()
    assert refusal("\n".join(lines).encode()).startswith("line 1: the anchor &b0; expected")
    assert time.process_time() - start < 1


# Plain scalars that some reader of YAML takes for another type than text.
ODD_TEXTS = [
    *("1e5", "1E5", "-1e-5", "1.5e3", ".5e3", "+.5", "1_0e1", "1.", ".inf", "-.INF", ".nan"),
    *("0x1F", "+0xff", "010", "08", "0o17", "+0b1", "1:30", "1_000", "-0", "3.15.1", "2026-11-30"),
    *("", "~", "null", "True", "yes", "off", "=", "<<", "-", "- a", "? a", "a: b", "a #b"),
    *("&a", "*a", "!a", "%a", "@a", "`a", "---", "...", "'", '"', "\n", " a ", "a\n\n b\n", "\ta"),
    *("\x00", "\x1b", "\x85", "\u2028", "\u202e", "\ufeff", "=======", "======= a", "<<<<<<< a\n"),
    *("1" * 200, "1.2" * 50),
]  # fmt: skip
# Texts near the numbers of YAML, and any others. YAML has no lone surrogates.
TEXTS = st.text("0123456789+-._:eExXoinfaNF") | st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS


def read_back(value: Any) -> Any:
    return strict_yaml.parse(strict_yaml.dump(value).encode())


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_a_text_is_dumped_so_that_it_is_read_as_the_same_text(text: str) -> None:
    assert read_back({"stage": {"key": text, "list": [text, text]}}) == {
        "stage": {"key": text, "list": [text, text]}
    }


@pytest.mark.parametrize("text", sorted(set(ODD_TEXTS) - {"<<"}))
def test_a_key_is_dumped_so_that_it_is_read_as_the_same_text(text: str) -> None:
    assert read_back({"files": {text: 1}}) == {"files": {text: 1}}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_dvc_reads_the_same_text(text: str) -> None:
    assert YAML(typ="safe").load(strict_yaml.dump({"key": text})) == {"key": text}


@given(st.text("0123456789+-._:eExXobinfaNF"))
def test_dvc_reads_texts_near_numbers_as_texts(text: str) -> None:
    assert YAML(typ="safe").load(strict_yaml.dump({"key": text})) == {"key": text}


@given(TEXTS)
@example("x" * 130)
@example("a b " * 100)
def test_any_text_is_read_back(text: str) -> None:
    value = {"files": {f"/{text}": [text]}, "text": text}
    assert read_back(value) == value


@given(
    st.recursive(
        SCALARS,
        lambda values: st.lists(values) | st.dictionaries(TEXTS.filter("<<".__ne__), values),
        max_leaves=20,
    )
)
def test_any_value_is_read_back(value: Any) -> None:
    assert repr(read_back({"value": value})) == repr({"value": value})  # nan differs from itself


def test_numbers_keep_their_type() -> None:
    assert strict_yaml.dump({"a": 1, "b": 1.0, "c": 1e20, "d": math.inf, "e": "1e5"}) == (
        "a: 1\nb: 1.0\nc: 1.0e+20\nd: .inf\ne: '1e5'\n"
    )


def test_an_object_that_two_places_refer_to_is_written_twice() -> None:
    shared = {"sizes": [1, 2]}
    assert strict_yaml.dump({"a": shared, "b": shared}) == (
        "a:\n  sizes:\n  - 1\n  - 2\nb:\n  sizes:\n  - 1\n  - 2\n"
    )


def test_texts_that_are_texts_for_all_stand_without_quotes() -> None:
    assert strict_yaml.dump(["3.15.1", "a b", "1e5x", "digits-ds_cnn"]) == (
        "- 3.15.1\n- a b\n- 1e5x\n- digits-ds_cnn\n"
    )
