"""Keep earlier digest files of code as long as DVC's record of a build refers to them.

DVC records the MD5 of a digest file, not its lines, which tell what source file has changed since.
Reads dvc.lock. Writes artifacts/.code/<md5>.
"""

import hashlib
from collections.abc import Iterable

from edgebake import artifacts
from edgebake.plan.earlier_build import LOCK

FOLDER = artifacts.ROOT / ".code"


def keep(digest_files: Iterable[bytes]) -> None:
    """Keep the present digest files, and of the earlier ones those that dvc.lock refers to."""
    present: set[str] = set()
    for data in set(digest_files):
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        present.add(md5)
        if not (FOLDER / md5).is_file():
            artifacts.write(FOLDER / md5, data)
    lock = LOCK.read_text(errors="replace") if LOCK.is_file() else ""
    for file in FOLDER.iterdir():
        if file.name not in present and file.name not in lock:
            file.unlink()


def changed_files(before_md5: str, after: bytes) -> list[str]:
    """Return the source files whose lines differ between two digest files, sorted.

    Args:
        before_md5: the MD5 that DVC has recorded of the earlier one.
        after: the content of the later one.

    Returns:
        No file if the earlier digest file was not kept, or was damaged.
    """
    file = FOLDER / before_md5
    if not file.is_file():
        return []
    before = file.read_bytes()
    if hashlib.md5(before, usedforsecurity=False).hexdigest() != before_md5:
        return []
    lines_before = before.decode().splitlines()
    lines_after = after.decode(errors="replace").splitlines()
    files: set[str] = set()
    for line in set(lines_before) ^ set(lines_after):
        _, _, path = line.partition("  ")
        files.add(path)
    return sorted(files)
