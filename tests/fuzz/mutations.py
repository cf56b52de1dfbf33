"""Change valid inputs at random: bytes, lines of text, values of JSON, and entries of a zip."""

import copy
import io
import json
import struct
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

MAX_CHANGES = 6
NUMBERS = (0, 1, 2, 4, 127, 128, 255, 256, 32767, 65535, 1 << 20, (1 << 31) - 1, (1 << 32) - 1)
WORDS = (
    "null", "true", "[]", "{}", "-1", "1e999", "NaN", "Infinity", '""', "~", "!!python/object:x",
    "&a", "*a", "<<: *a", "${oc.env:HOME}", "${a}", "???", "\x1b[2K", "\u202e", "\x00", "\ufeff",
    "\n", "\t", "'", '"', ":", "- ", "#", "%", "..", "/etc/passwd", "9" * 400, "[" * 300, "{" * 300,
)  # fmt: skip
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1 << 31, 1 << 64, 10**30, 0.5, -1e308, float("nan"), float("inf"),
    "", "a", "\x1b[2K\n", "\u202e", "../x", "9" * 400, [], {}, [None], [[]], {"class_name": 5},
    {"": {}}, ["a", 0, 0], [0] * 100,
)  # fmt: skip


def change_bytes(data: bytes, random: Random) -> bytes:
    """Change some bytes, numbers or blocks of an input."""
    changed = bytearray(data)
    for _ in range(random.randint(1, MAX_CHANGES)):
        change = random.choice(BYTE_CHANGES)
        change(changed, random)
    return bytes(changed)


def change_text(data: bytes, random: Random) -> bytes:
    """Change some lines or words of a text, or bytes of it."""
    if random.random() < 0.3:
        return change_bytes(data, random)
    lines = data.decode(errors="replace").split("\n")
    for _ in range(random.randint(1, MAX_CHANGES)):
        position = random.randrange(len(lines))
        line = lines[position]
        cut = random.randint(0, len(line))
        word = random.choice(WORDS)
        lines[position] = random.choice(
            (f"{line[:cut]}{word}{line[cut:]}", f"{line[:cut]}{word}", word, "", f"  {line}")
        )
        if random.random() < 0.3:
            other = random.randrange(len(lines))
            lines.insert(other, lines[position])
    return "\n".join(lines).encode(errors="surrogatepass")


def change_json(data: bytes, random: Random) -> bytes:
    """Replace, remove or repeat some values of a JSON document."""
    if random.random() < 0.1:
        return change_text(data, random)
    document: Any = {"": json.loads(data)}
    for _ in range(random.randint(1, MAX_CHANGES)):
        _change_value(document, random)
    return json.dumps(document.get("")).encode()


def in_zip(
    entry: str, change: Callable[[bytes, Random], bytes]
) -> Callable[[bytes, Random], bytes]:
    """Return a function that changes one entry of an archive, or at times the archive itself."""

    def change_archive(data: bytes, random: Random) -> bytes:
        if random.random() < 0.2:
            return change_bytes(data, random)
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as file:
            for info in source.infolist():
                content = source.read(info)
                if info.filename == entry:
                    content = change(content, random)
                file.writestr(info, content)
        return stream.getvalue()

    return change_archive


def _change_value(document: Any, random: Random) -> None:
    """Change a value at a random depth."""
    node = document
    key: Any = ""
    while random.random() < 0.8:
        child = node[key]
        if isinstance(child, dict) and child:
            node, key = child, random.choice(list(child))
        elif isinstance(child, list) and child:
            node, key = child, random.randrange(len(child))
        else:
            break
    value = copy.deepcopy(random.choice(VALUES))
    repeated = copy.deepcopy(node[key])
    choice = random.random()
    if choice < 0.7:
        node[key] = value
    elif choice < 0.85 and node is not document:
        del node[key]
    elif isinstance(node, list):
        node.insert(0, repeated)
    elif isinstance(node, dict) and node is not document:
        node[str(value)] = repeated


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set_byte(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _set_number(data: bytearray, random: Random) -> None:
    form = random.choice(("<H", "<I", "<Q", ">H", ">I", ">Q"))
    size = struct.calcsize(form)
    if len(data) >= size:
        number = random.choice(NUMBERS) % (1 << (8 * size))
        if random.random() < 0.3:
            number = (1 << (8 * size)) - 1 - number
        position = random.randrange(len(data) - size + 1)
        data[position : position + size] = struct.pack(form, number)


def _remove(data: bytearray, random: Random) -> None:
    start = random.randint(0, len(data))
    del data[start : start + random.randint(1, 32)]


def _insert(data: bytearray, random: Random) -> None:
    start = random.randint(0, len(data))
    data[start:start] = random.randbytes(random.randint(1, 16))


def _copy(data: bytearray, random: Random) -> None:
    start = random.randint(0, len(data))
    block = data[start : start + random.randint(1, 256)]
    target = random.randint(0, len(data))
    if random.random() < 0.5:
        data[target:target] = block
    else:
        data[target : target + len(block)] = block


def _cut(data: bytearray, random: Random) -> None:
    if random.random() < 0.3:
        del data[random.randint(0, len(data)) :]


BYTE_CHANGES = (_flip, _flip, _set_byte, _set_number, _set_number, _remove, _insert, _copy, _cut)
