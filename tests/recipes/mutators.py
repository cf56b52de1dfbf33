"""Ways to break a file of YAML: each takes its content and returns a mutant."""

import random
import re
from collections.abc import Callable

PAIR = re.compile(
    r"(?P<key>[A-Za-z_]\w*): (?P<value>[^\s,\]}#][^,\]}#\n]*?)(?=\s*(#|,|\]|}|$))", re.M
)
VALUES = (
    "null", "", "~", "[]", "[1, 2]", "[[]]", "{}", "{x: 1}", "text", "'3'", '""', "0", "-1", "1.5",
    "1e999", "-.inf", ".nan", "9" * 30, "9" * 200, "true", "no", "2026-01-01", "12:30", "010",
    "${nope}", "${train.epochs}", "${train}", "${", "${a", "$x}", "???", "'???'", "x" * 200_000,
    "\U0001f600", "!!python/name:os.system", "!x y", "&a [*a]", "*a", "- 1", "a: b", "|", ">", "@x",
    '"\\u0000"', '"\\e[31m"', "'", '"', "[", "{", "../../etc/passwd", "/dev/zero", "%", "`x`",
)  # fmt: skip
BOMB = "".join(
    f"b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 10)}]\n" if level else "b0: &b0 [x]\n"
    for level in range(12)
)

Mutator = Callable[[bytes, random.Random, str], bytes]  # of content, chance and `<group>/<option>`


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True) or [b"\n"]


def delete_line(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = _lines(data)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def duplicate_line(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = _lines(data)
    line = chance.choice(lines)
    lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def swap_lines(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = _lines(data)
    first = chance.randrange(len(lines))
    second = chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def truncate(data: bytes, chance: random.Random, _: str) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def flip_byte(data: bytes, chance: random.Random, _: str) -> bytes:
    position = chance.randrange(len(data))
    return data[:position] + bytes([chance.randrange(256)]) + data[position + 1 :]


def insert(data: bytes, chance: random.Random, _: str) -> bytes:
    pieces = [
        b"\t",
        b"\0",
        b"\xe9",
        b"\xff",
        b"\r",
        b"\x1b[31m",
        b"'",
        b'"',
        b"[",
        b"{",
        b": ",
        b"#",
        "\u202e".encode(),
        "\u2028".encode(),
        b"\n---\n",
        b"\n...\n",
        b"&a ",
        b"!!str ",
        b"  ",
    ]
    position = chance.randrange(len(data) + 1)
    return data[:position] + chance.choice(pieces) + data[position:]


def retype(data: bytes, chance: random.Random, _: str) -> bytes:
    text = data.decode(errors="replace")
    pairs = list(PAIR.finditer(text))
    if not pairs:
        return data + b"x: 1\n"
    start, end = chance.choice(pairs).span("value")
    return (text[:start] + chance.choice(VALUES) + text[end:]).encode()


def misspell_key(data: bytes, chance: random.Random, _: str) -> bytes:
    text = data.decode(errors="replace")
    keys = list(re.finditer(r"[A-Za-z_]\w*(?=:( |$))", text, re.MULTILINE))
    if not keys:
        return data + b"x: 1\n"
    start, end = chance.choice(keys).span()
    position = chance.randrange(start, end)
    return (text[:position] + chance.choice(["", "x", "_", "Z"]) + text[position + 1 :]).encode()


def odd_key(data: bytes, chance: random.Random, _: str) -> bytes:
    keys = [
        "~",
        "null",
        "1",
        "1.5",
        "true",
        "yes",
        "[a]",
        "? [a]\n",
        "{a: 1}",
        "<<",
        '""',
        "''",
        ".",
        "a.b",
        "_target_",
        "defaults",
        "-",
        "'a\\nb'",
        "é",
        "x" * 5000,
    ]
    line = f"{chance.choice(keys)}: {chance.choice(VALUES)}\n".encode()
    lines = _lines(data)
    lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def reencode(data: bytes, chance: random.Random, _: str) -> bytes:
    encodings = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037"]
    return data.decode(errors="replace").encode(chance.choice(encodings), "replace")


def nest(data: bytes, chance: random.Random, _: str) -> bytes:
    depth = chance.choice([40, 200, 5000, 100_000])
    opening = chance.choice([b"[", b"{x: ", b"- "])
    return data + b"deep: " + opening * depth + b"\n"


def bomb(data: bytes, chance: random.Random, _: str) -> bytes:
    text = BOMB.encode()
    if chance.random() < 0.5:
        return data + text
    return data + b"x:\n" + b"".join(b"  " + line for line in _lines(text))


def list_itself(data: bytes, chance: random.Random, config: str) -> bytes:
    group, _, option = config.rpartition("/")
    entries = [
        option,
        f"/{group}: {option}",
        f"/{group}@x: {option}",
        f"/{group}@fine_tune: {option}",
        f"override /{group}: {option}",
        "nothing",
        "/nothing: x",
        "/train: ${x}",
        "~",
        "[]",
        "1",
        "/target: pixel_8",
        "override /nothing/deep: x",
        "/data: null",
        "optional /data: digits",
        "/data: [digits, npz]",
        "../train/scratch",
        "/data@: digits",
        "_self_\n  - _self_",
        "x: y: z",
        "override /target: pixel_8",
        "/recipe",
        "/prune: channels",
        "override /data@: digits",
    ]
    entry = chance.choice(entries)
    head = f"defaults:\n  - {entry}\n".encode()
    if b"defaults:\n" in data:
        return data.replace(b"defaults:\n", head, 1)
    return head + data


def mark_conflict(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = _lines(data)
    start = chance.randrange(len(lines))
    middle = [b"<<<<<<< HEAD\n", *lines[start:], b"=======\n", *lines[start:], b">>>>>>> x\n"]
    return b"".join([*lines[:start], *middle])


def change_package(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = [
        b"# @package\n",
        b"# @package train\n",
        b"#@package _global_\n",
        b"# @package a b\n",
        b"# @package _group_\n",
        b"# @Package _global_\n",
        b"\n",
        b"# @package ..\n",
    ]
    body = data.removeprefix(b"# @package _global_\n")
    return chance.choice(lines) + body


def change_indentation(data: bytes, chance: random.Random, _: str) -> bytes:
    lines = _lines(data)
    number = chance.randrange(len(lines))
    lines[number] = chance.choice([b" ", b"  ", b"\t", b"    "]) + lines[number].lstrip(b" ")
    return b"".join(lines)


def replace_all(_: bytes, chance: random.Random, __: str) -> bytes:
    contents = [
        b"",
        b"\n",
        b"# x\n",
        b"null\n",
        b"[]\n",
        b"- 1\n",
        b"text\n",
        b"1\n",
        b"{}\n",
        b"---\n",
        b"...\n",
        b"\0" * 100,
        bytes(range(256)),
        b"a: 1\n" * 300_000,
        b"PK\x03\x04",
        b"x" * 3_000_000,
    ]
    return chance.choice(contents)


MUTATORS: tuple[Mutator, ...] = (
    delete_line, duplicate_line, swap_lines, truncate, flip_byte, insert, retype, retype, retype,
    misspell_key, odd_key, reencode, nest, bomb, list_itself, mark_conflict, change_package,
    change_indentation, replace_all,
)  # fmt: skip
