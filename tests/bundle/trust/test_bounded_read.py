"""Files of strangers are read as regular files up to a size, or refused at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebake.bundle.trust import bounded_read
from edgebake.bundle.trust.bounded_read import UnreadableFileError


def _refused(file: Path, **options: bool) -> str:
    with pytest.raises(UnreadableFileError) as refused:
        bounded_read.read(file, 3, **options)
    return str(refused.value)


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    assert bounded_read.read(file, 3) == b"abc"


def test_a_longer_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abcd")
    assert _refused(file) == "4 bytes; expected at most 3"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "file") == "not found"


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "a pipe; expected a regular file"),
        (Path.mkdir, "a folder; expected a regular file"),
        (_socket, "a socket; expected a regular file"),
        (lambda path: path.symlink_to("/etc/hostname"), "a symbolic link; expected a regular file"),
    ],
    ids=["pipe", "folder", "socket", "link"],
)
def test_what_is_no_regular_file_is_refused(
    tmp_path: Path, make: Callable[[Path], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 107 bytes
    make(Path("x"))
    assert _refused(Path("x")) == message


def test_a_device_is_refused_without_reading() -> None:
    assert _refused(Path("/dev/zero")) == "a device; expected a regular file"


def test_a_link_is_followed_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert bounded_read.read(tmp_path / "link", 3, follow_links=True) == b"abc"
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert _refused(tmp_path / "zero", follow_links=True) == "a device; expected a regular file"
