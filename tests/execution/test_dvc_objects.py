"""Objects of DVC's cache and remote."""

import hashlib
from pathlib import Path

import pytest

from edgebake.errors import HostError
from edgebake.execution.dvc_objects import ObjectStore, RemoteLocation, StoredPath

HELLO = "5d41402abc4b2a76b9719d911017c592"  # md5 of `hello`


def project(folder: Path) -> Path:
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    return folder


def settings(folder: Path, remote: Path) -> dict[str, object]:
    return {
        "core": {"site_cache_dir": str(folder / "state"), "remote": "shared"},
        "remote": {"shared": {"url": str(remote)}},
    }


@pytest.fixture
def stores(tmp_path: Path) -> tuple[ObjectStore, ObjectStore]:
    """Two projects with one remote."""
    both = []
    for name in ("a", "b"):
        store = ObjectStore(project(tmp_path / name), settings(tmp_path, tmp_path / "remote"))
        store.use_remote()
        both.append(store)
    folder = tmp_path / "a/folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/file").write_text("hello")
    (tmp_path / "a/file").write_text("hello")
    return both[0], both[1]


def stored(store: ObjectStore) -> list[StoredPath]:
    return [store.add(Path("folder")), store.add(Path("file"))]


def test_a_file_and_a_folder_come_to_another_project(
    stores: tuple[ObjectStore, ObjectStore], tmp_path: Path
) -> None:
    first, second = stores
    sent = stored(first)
    assert sent[1] == StoredPath("file", HELLO)
    assert sent[0].digest.endswith(".dir")
    first.push(sent)
    second.fetch(sent)
    second.checkout(sent)
    assert (tmp_path / "b/folder/inner/file").read_text() == "hello"
    assert second.files(sent[0]) == {"folder/inner/file": HELLO}
    assert second.files(sent[1]) == {"file": HELLO}
    assert [second.add(Path(entry.path)) for entry in sent] == sent


def test_only_what_the_remote_lacks_is_sent(
    stores: tuple[ObjectStore, ObjectStore], tmp_path: Path
) -> None:
    first, _ = stores
    first.push(stored(first))
    (file,) = (tmp_path / "remote").rglob(HELLO[2:])
    before = file.stat().st_mtime_ns
    again = ObjectStore(tmp_path / "a", settings(tmp_path, tmp_path / "remote"))
    again.use_remote()
    again.push(stored(again))
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_another_content_under_the_name_is_refused(
    stores: tuple[ObjectStore, ObjectStore], tmp_path: Path, mode: int
) -> None:
    """DVC itself takes a file that nobody may write to without a look at it."""
    first, second = stores
    sent = stored(first)
    first.push(sent)
    (file,) = (tmp_path / "remote").rglob(HELLO[2:])
    file.chmod(0o644)
    file.write_text("other")
    file.chmod(mode)
    with pytest.raises(HostError, match=f"{HELLO}: not"):
        second.fetch(sent)
    assert list((tmp_path / "b/.dvc/cache").rglob(HELLO[2:])) == []


def test_what_the_remote_has_not_is_named(stores: tuple[ObjectStore, ObjectStore]) -> None:
    absent = hashlib.md5(b"absent", usedforsecurity=False).hexdigest()
    with pytest.raises(HostError, match=f"{absent}: not there; expected the objects of this build"):
        stores[1].fetch([StoredPath("file", absent)])


@pytest.mark.parametrize("path", ["../file", "/etc/hostname"])
def test_a_file_outside_the_project_is_refused(
    stores: tuple[ObjectStore, ObjectStore], path: str
) -> None:
    with pytest.raises(HostError, match=f"^{path}: not in the project; expected files of"):
        stores[0].add(Path(path))


def test_the_location_of_a_remote_has_no_secret(tmp_path: Path) -> None:
    options = settings(tmp_path, tmp_path / "remote")
    secret = {"url": "s3://bucket/x", "endpointurl": "http://s3", "secret_access_key": "s"}
    options["remote"] = {"shared": secret}
    store = ObjectStore(project(tmp_path / "a"), options)
    assert store.use_remote() == RemoteLocation(
        "shared", (("endpointurl", "http://s3"), ("url", "s3://bucket/x"), ("use_ssl", True))
    )


def test_a_project_without_a_remote(tmp_path: Path) -> None:
    store = ObjectStore(project(tmp_path / "a"))
    with pytest.raises(HostError, match="dvc: no default remote; expected one"):
        store.use_remote()
    location = store.use_cache_as_remote()
    assert location == RemoteLocation("cache", (("url", str(tmp_path / "a/.dvc/cache")),))
