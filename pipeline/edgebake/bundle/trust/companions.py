"""The files beside a bundle: samples and measurements. Its provenance names them as subjects.

They are not part of the bundle: an app does not need them, and measurements differ from build to
build. Whoever copies samples into an app should know that they are those of the build.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle.trust.bounded_read import kind_of
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

MAX_ENTRIES = 200  # of a folder of samples
MAX_BYTES = 64 << 20  # of one file


def samples_folder(bundle: Path) -> Path:
    """Return the folder with the samples of a bundle, a folder or a zip."""
    return bundle.with_name(f"{_stem(bundle)}.samples")


def measurements_file(bundle: Path) -> Path:
    """Return the file with the measurements of a bundle, a folder or a zip."""
    return bundle.with_name(f"{_stem(bundle)}.measurements.json")


def _stem(bundle: Path) -> str:
    return bundle.name.removesuffix(".zip")


def digests(bundle: Path, platform: str) -> dict[str, str]:
    """Return the digest of each file beside a bundle, under its name among the subjects.

    Args:
        bundle: a folder or a zip.
        platform: begins the names, whatever the bundle is called now.

    Raises:
        ProofError: a link or a special file is among them, or they are too many or too large.
    """
    by_name = {}
    measurements = measurements_file(bundle)
    if os.path.lexists(measurements):
        by_name[f"{platform}.measurements.json"] = _digest(measurements, measurements.name)
    samples = samples_folder(bundle)
    if os.path.lexists(samples):
        for path in _files(samples):
            name = f"{samples_name(platform)}{path.relative_to(samples).as_posix()}"
            by_name[name] = _digest(path, f"{samples.name}/{path.relative_to(samples)}")
    return by_name


def samples_name(platform: str) -> str:
    """Return what the names of samples among the subjects begin with."""
    return f"{platform}.samples/"


def _files(folder: Path) -> Iterator[Path]:
    """Yield the paths below a folder that are no folders."""
    if folder.is_symlink() or not folder.is_dir():
        raise ProofError(f"{folder}: expected a folder with the samples of the bundle")
    queue = [folder]
    count = 0
    while queue:
        current = queue.pop()
        for entry in sorted(os.scandir(current), key=lambda entry: entry.name):
            count += 1
            if count > MAX_ENTRIES:
                raise ProofError(f"{folder}: more than {MAX_ENTRIES} files; expected the samples")
            path = current / entry.name
            if entry.is_dir(follow_symlinks=False):
                queue.append(path)
            else:
                yield path


def _digest(file: Path, name: str) -> str:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ProofError(f"{printable(name)}: {kind_of(status.st_mode)}; expected a regular file")
    if status.st_size > MAX_BYTES:
        raise ProofError(
            f"{printable(name)}: {status.st_size:,} bytes; expected at most {MAX_BYTES:,}"
        )
    return artifacts.sha256_of(file)


def check(bundle: Path, platform: str, subjects: Mapping[str, str]) -> str:
    """Compare the files beside a bundle with the subjects of its provenance.

    Returns: what is there and as signed, what is missing, and what provenance does not name:
    edgebake named no samples before they were subjects.

    Raises:
        ProofError: a file is changed, added or missing.
    """
    actual = digests(bundle, platform)
    prefix = samples_name(platform)
    samples = {name for name in actual if name.startswith(prefix)}
    named_samples = {name for name in subjects if name.startswith(prefix)}
    covers_samples = bool(named_samples)
    for name in sorted(actual):
        if name in samples and not covers_samples:
            continue
        if name not in subjects:
            raise ProofError(f"{printable(name)}: not in the provenance; it was added later")
        if subjects[name] != actual[name]:
            raise ProofError(f"{printable(name)}: changed; its sha256 is not the provenance's")
    if samples:
        for name in sorted(named_samples - samples):
            raise ProofError(f"{printable(name)}: not found, though the provenance names it")
    measurements = f"{platform}.measurements.json" in actual
    return f"{_samples_result(len(samples), covers_samples)}; {_measurements_result(measurements)}"


def _samples_result(count: int, is_covered: bool) -> str:
    if not is_covered:
        return "samples NOT covered by this provenance, which an older edgebake made"
    if not count:
        return "no samples here"
    return f"{count} samples as in the provenance"


def _measurements_result(is_there: bool) -> str:
    if is_there:
        return "measurements as in the provenance"
    return "no measurements here"
