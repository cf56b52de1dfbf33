"""Move files between a project, DVC's cache and a DVC remote, by the hashes of their content.

With `dvc_repo`, the only module that names DVC's internals. A file or folder that is stored has
DVC's own hash: that of an output in dvc.lock, if it is one.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgebake.errors import HostError
from edgebake.execution import dvc_repo

# Where a remote is, without what gives access to it: a worker has credentials of its own.
LOCATION = (
    "url",
    "endpointurl",
    "region",
    "use_ssl",
    "ssl_verify",
    "account_name",
    "projectname",
    "port",
    "user",
)
ALGORITHM = "md5"
NO_REMOTE = (
    "dvc: no default remote; expected one through which the workers get their inputs: "
    "`dvc remote add --default NAME URL`, or `--cluster local`"
)


@dataclass(frozen=True, order=True)
class StoredPath:
    """A file or folder of a project, and the hash of its content."""

    path: str  # relative to the project, with slashes
    digest: str  # DVC's md5; that of a folder ends in `.dir`


@dataclass(frozen=True)
class RemoteLocation:
    """A DVC remote as another machine reaches it: its name, and settings that are no secrets."""

    name: str
    settings: tuple[tuple[str, Any], ...]


class ObjectStore:
    """DVC's cache of a project, and the remote through which machines exchange its objects.

    Used by several threads: DVC's databases are not made for that, so one at a time.
    """

    def __init__(self, project: Path, settings: Mapping[str, Any] | None = None) -> None:
        """Open the project in a folder.

        Args:
            project: a folder with .dvc/.
            settings: of DVC's configuration; they win over those of the project and the user.
        """
        self._project = project.resolve()
        self._repo: Any = dvc_repo.repository(project, settings or {})
        self._remote: Any = None
        self._at_the_remote: set[str] = set()
        self._lock = threading.RLock()

    def use_remote(self, name: str | None = None) -> RemoteLocation:
        """Choose the remote for `push` and `fetch`, the default one if none is named.

        Raises:
            HostError: there is none, or DVC cannot reach its kind.
        """
        name = name or self._repo.config["core"].get("remote")
        if not name:
            raise HostError(NO_REMOTE)
        try:
            self._remote = self._repo.cloud.get_remote_odb(name)
        except Exception as error:  # whatever DVC and the library of a kind of remote raise
            raise HostError(f"dvc: remote {name}: {error}") from error
        configured = self._repo.config["remote"][name]
        settings = {key: configured[key] for key in LOCATION if key in configured}
        settings["url"] = str(settings["url"])
        return RemoteLocation(name, tuple(sorted(settings.items())))

    def use_cache_as_remote(self) -> RemoteLocation:
        """Let other projects on this machine use this project's cache as their remote."""
        folder = Path(self._repo.cache.local_cache_dir)
        self._remote = self._repo.cache.local
        return RemoteLocation("cache", (("url", str(folder)),))

    def add(self, path: Path) -> StoredPath:
        """Copy a file or folder of the project into the cache.

        Raises:
            HostError: it is not in the project, or not there.
        """
        from dvc_data.hashfile.build import build
        from dvc_data.hashfile.transfer import transfer

        file = self._absolute(path)
        if not file.exists():
            raise HostError(f"{path}: not there; expected it before a task that reads it")
        cache = self._repo.cache.local
        with self._lock:
            ignore = self._repo.dvcignore
            staging, _, content = build(cache, str(file), self._repo.fs, ALGORITHM, ignore=ignore)
            transfer(staging, cache, {content.hash_info}, shallow=False)
        return StoredPath(path.as_posix(), str(content.hash_info.value))

    def push(self, stored: Iterable[StoredPath]) -> None:
        """Copy what the remote lacks from the cache to the remote.

        Raises:
            HostError: the remote does not take it.
        """
        digests = {entry.digest for entry in stored}
        with self._lock:
            missing = digests - self._at_the_remote
            if self._remote is not self._repo.cache.local:
                self._transfer(self._repo.cache.local, self._remote, missing)
            self._at_the_remote |= missing

    def fetch(self, stored: Iterable[StoredPath]) -> None:
        """Copy what the cache lacks from the remote, and check each file against its hash.

        Raises:
            HostError: the remote does not have it, or has other content under its name.
        """
        digests = {entry.digest for entry in stored}
        cache = self._repo.cache.local
        with self._lock:
            if self._remote is cache:
                return
            copied = self._transfer(self._remote, cache, digests)
            damaged = [digest for digest in sorted(copied) if not self._is_sound(digest)]
            for digest in damaged:
                Path(cache.oid_to_path(digest)).unlink()
            if damaged:
                raise HostError(
                    f"dvc remote {self._shown_remote()}: {', '.join(damaged)}: not the content "
                    "that its name stands for; expected nobody to change objects of a remote"
                )
            self._at_the_remote |= digests

    def _is_sound(self, digest: str) -> bool:
        """Return whether an object of the cache has the hash by which it is named.

        DVC itself skips this for files that nobody may write to.
        """
        with Path(self._repo.cache.local.oid_to_path(digest)).open("rb") as file:
            actual = hashlib.file_digest(file, _new_md5).hexdigest()
        return actual == digest.removesuffix(".dir")

    def _transfer(self, source: Any, destination: Any, digests: set[str]) -> set[str]:
        """Copy objects, folders with their files, and return the hashes that were copied."""
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.transfer import transfer

        hashes = {HashInfo(ALGORITHM, digest) for digest in digests}
        copied: set[Any] = set()
        lost: set[Any] = set()

        def note_missing(status: Any) -> None:
            lost.update(status.missing)

        # The list of a folder's files comes first: it says which files there are.
        folders = {entry for entry in hashes if entry.isdir}
        try:
            for entries in (folders, hashes):
                result = transfer(
                    source,
                    destination,
                    entries,
                    shallow=entries is folders,
                    cache_odb=self._repo.cache.local,
                    validate_status=note_missing,
                )
                copied |= result.transferred
                lost |= result.failed
        except Exception as error:  # of the library of any kind of remote
            reason = f"{type(error).__name__}: {error}"
            raise HostError(f"dvc remote {self._shown_remote()}: {reason}") from error
        names = sorted(entry.value for entry in lost)
        if names:
            raise HostError(
                f"dvc remote {self._shown_remote()}: {', '.join(names)}: not there; "
                "expected the objects of this build"
            )
        return {entry.value for entry in copied}

    def _shown_remote(self) -> str:
        return str(self._remote.fs.unstrip_protocol(self._remote.path))

    def checkout(self, stored: Iterable[StoredPath]) -> None:
        """Write files and folders of the cache into the project, in place of what is there."""
        from dvc_data.hashfile import load
        from dvc_data.hashfile.checkout import checkout
        from dvc_data.hashfile.hash_info import HashInfo

        cache = self._repo.cache.local
        with self._lock:
            for entry in stored:
                content = load(cache, HashInfo(ALGORITHM, entry.digest))
                checkout(
                    str(self._absolute(Path(entry.path))),
                    self._repo.fs,
                    content,
                    cache,
                    force=True,
                    state=self._repo.state,
                )

    def files(self, stored: StoredPath) -> dict[str, str]:
        """Return the hash of each file of a stored path, by its path in the project."""
        from dvc_data.hashfile import load
        from dvc_data.hashfile.hash_info import HashInfo

        digest = HashInfo(ALGORITHM, stored.digest)
        if not digest.isdir:
            return {stored.path: stored.digest}
        with self._lock:
            tree: Any = load(self._repo.cache.local, digest)
        return {str(PurePosixPath(stored.path, *key)): content.value for key, _, content in tree}

    def close(self) -> None:
        """Close DVC's databases."""
        with self._lock:
            self._repo.close()

    def _absolute(self, path: Path) -> Path:
        """Return the absolute path of a file in the project.

        Raises:
            HostError: it is elsewhere.
        """
        file = self._project / path
        if path.is_absolute() or ".." in path.parts:
            raise HostError(
                f"{path}: not in the project; expected files of the project, which workers can get"
            )
        return file


def _new_md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
