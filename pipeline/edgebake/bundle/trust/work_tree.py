"""Compare files of the working tree with the commit that is checked out, byte for byte.

Git's own `status` hides what its index, its configuration or an ignore file tells it to hide:
`update-index --assume-unchanged` and `--skip-worktree`, .git/info/exclude, filters, a cache of file
times. Here only the commit's own tree is asked.
"""

import hashlib
import importlib.util
import marshal
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebake.bundle.trust import git

_LINK = "120000"  # modes of git's trees
_SUBMODULE = "160000"
# Files that no build reads: of the desktop, and of setuptools for an editable installation.
_IGNORED_NAMES = frozenset({".DS_Store", "Thumbs.db"})
_IGNORED_FOLDERS = frozenset({"__pycache__", ".ipynb_checkpoints"})
_EGG_INFO = ".egg-info"


@dataclass(frozen=True)
class Entry:
    """A file in the tree of a commit."""

    mode: str
    digest: str  # of the blob: SHA-1, or SHA-256 in repositories of that format


def committed_files() -> dict[Path, Entry]:
    """Return every file of the commit that is checked out, by absolute path.

    Raises:
        HostError: git is not installed, or there is no commit.
    """
    top = git.top()
    listing = git.run("ls-tree", "-r", "-z", "--full-tree", "HEAD")
    files = {}
    for line in listing.split("\0"):
        if line:
            facts, _, name = line.partition("\t")
            mode, _, digest = facts.split(" ")
            files[top / name] = Entry(mode, digest)
    return files


def differences(roots: Iterable[Path], committed: dict[Path, Entry]) -> Iterator[str]:
    """Yield the files below some paths that are not as in the commit, and what differs.

    Files that git ignores count: code imports them and sources of data read them all the same.

    Args:
        roots: files and folders, absolute, whether or not they exist.
        committed: see `committed_files`.
    """
    for root in roots:
        folder = f"{root}{os.sep}"
        inside = {path for path in committed if path == root or str(path).startswith(folder)}
        for path in sorted(inside):
            if not _is_as_committed(path, committed[path]):
                yield f"{_shown(path)}: not as in the commit"
        for path in sorted(set(_files(root)) - inside):
            yield f"{_shown(path)}: not in the commit"


def stale_byte_code(roots: Iterable[Path]) -> Iterator[str]:
    """Yield the files of byte code that Python would run although their source says otherwise.

    Args:
        roots: files and folders, absolute, whether or not they exist.
    """
    for root in roots:
        for source in sorted(root.rglob("*.py")):
            cache = Path(importlib.util.cache_from_source(str(source), optimization=""))
            if cache.is_file() and _is_stale(cache, source):
                yield f"{_shown(cache)}: not the byte code of {source.name}"


def _is_as_committed(path: Path, entry: Entry) -> bool:
    if entry.mode == _SUBMODULE:
        return not git.changed(f":(literal){path}")
    if entry.mode == _LINK:
        return path.is_symlink() and _has_digest(os.fsencode(path.readlink()), entry)
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    return _has_digest(content, entry) or _is_lfs_object(content, entry)


def _has_digest(content: bytes, entry: Entry) -> bool:
    """Return whether bytes are those of a blob; git hashes them behind their type and size."""
    blob = b"blob %d\0%s" % (len(content), content)
    is_sha1 = len(entry.digest) == hashlib.sha1(usedforsecurity=False).digest_size * 2
    if is_sha1:
        return hashlib.sha1(blob, usedforsecurity=False).hexdigest() == entry.digest
    return hashlib.sha256(blob).hexdigest() == entry.digest


def _is_lfs_object(content: bytes, entry: Entry) -> bool:
    """Return whether the commit has a pointer of Git LFS to these bytes."""
    digest = hashlib.sha256(content).hexdigest()
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    )
    return _has_digest(pointer.encode(), entry)


def _files(root: Path) -> Iterator[Path]:
    """Yield the files and links at or below a path, without those that no build reads."""
    if root.is_symlink() or root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            if name not in _IGNORED_NAMES:
                yield Path(folder) / name
        folders[:] = [name for name in folders if not _is_ignored_folder(name)]


def _is_ignored_folder(name: str) -> bool:
    return name in _IGNORED_FOLDERS or name.endswith(_EGG_INFO)


def _is_stale(cache: Path, source: Path) -> bool:
    """Return whether Python takes byte code for that of a source file, and it is not.

    Source of the format: PEP 552.
    """
    content = cache.read_bytes()
    header, code = content[:16], content[16:]
    if header[:4] != importlib.util.MAGIC_NUMBER:
        return False  # of another Python, which ignores it
    text = source.read_bytes()
    flags = int.from_bytes(header[4:8], "little")
    if flags & 0b11 == 0b11:
        is_used = header[8:16] == importlib.util.source_hash(text)
    elif flags & 0b01:
        is_used = True  # by a hash that Python does not check
    else:
        status = source.stat()
        is_used = header[8:12] == _four_bytes(int(status.st_mtime))
        is_used = is_used and header[12:16] == _four_bytes(status.st_size)
    if not is_used:
        return False
    try:
        compiled = compile(text, str(source), "exec", dont_inherit=True)
        return bool(marshal.loads(code) != compiled)  # noqa: S302 - Python runs it all the same
    except (EOFError, SyntaxError, TypeError, ValueError):
        return True


def _four_bytes(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")


def _shown(path: Path) -> str:
    """Return a path relative to the current folder if it is below it."""
    current = Path.cwd().resolve()
    if path.is_relative_to(current):
        return str(path.relative_to(current))
    return str(path)
