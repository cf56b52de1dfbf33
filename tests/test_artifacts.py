"""Outputs are written whole or not at all, and read only if they are what was written."""

import errno
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.errors import ArtifactError, HostError

# FIPS 180-2, appendix B.1: the digest of "abc".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
TRAIN = artifacts.folder("train", "digits-ds_cnn")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _publish(content: bytes) -> None:
    with artifacts.publish(TRAIN) as out:
        artifacts.write_files(out, {"model.keras": content, "inner/notes.txt": b"abc"})


def _publish_half() -> None:
    with artifacts.publish(TRAIN) as out:
        (out / "model.keras").write_bytes(b"half")
        raise ZeroDivisionError


def test_validate_is_sorted_by_platform_and_the_others_are_not() -> None:
    assert artifacts.folder("train", "digits") == Path("artifacts/train/digits")
    assert artifacts.folder("validate", "digits", "ios") == Path("artifacts/validate/ios/digits")


def test_sums_are_lines_that_sha256sum_reads() -> None:
    _publish(b"abc")
    assert (TRAIN / "SHA256SUMS").read_text() == f"{ABC}  inner/notes.txt\n{ABC}  model.keras\n"


def test_a_published_folder_opens() -> None:
    _publish(b"abc")
    assert artifacts.verify(TRAIN) == TRAIN
    assert (TRAIN / "model.keras").read_bytes() == b"abc"


def test_a_failed_stage_leaves_the_output_of_the_one_before() -> None:
    _publish(b"abc")
    with pytest.raises(ZeroDivisionError):
        _publish_half()
    assert artifacts.read_files(TRAIN)["model.keras"] == b"abc"
    assert list(artifacts.PARTIAL.iterdir()) == []


def test_nothing_of_the_output_before_stays_in_the_next() -> None:
    _publish(b"abc")
    with artifacts.publish(TRAIN) as out:
        (out / "other.keras").write_bytes(b"abc")
    assert sorted(artifacts.read_files(TRAIN)) == ["SHA256SUMS", "other.keras"]


def test_leftovers_of_a_killed_stage_do_not_reach_the_next_output() -> None:
    partial = artifacts.PARTIAL / "train-digits-ds_cnn"
    artifacts.write_files(partial, {"half.keras": b"half"})
    _publish(b"abc")
    assert "half.keras" not in artifacts.read_files(TRAIN)


def test_full_disk_is_named_with_what_was_being_written() -> None:
    with (
        pytest.raises(
            HostError, match="artifacts/train/digits-ds_cnn: No space left on device; expected free"
        ),
        artifacts.publish(TRAIN),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not TRAIN.exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "artifacts/x: No space left on device; expected free space: delete files and run again",
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded"),
            "artifacts/x: Disk quota exceeded; expected free space: delete files and run again",
        ),
        (
            OSError(errno.EACCES, "Permission denied", "data/1.png"),
            "data/1.png: Permission denied; expected that you may read and write it",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", b"artifacts/.partial/x/model"),
            "artifacts/x: Read-only file system; expected that you may read and write it",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "y"),
            "y: No such file or directory",
        ),
        (OSError("Can't write data (errno = 28)"), "artifacts/x: Can't write data (errno = 28)"),
    ],
)
def test_what_the_system_refuses_is_told_in_its_words(error: OSError, message: str) -> None:
    assert str(artifacts.disk_trouble(error, Path("artifacts/x"))) == message


def test_a_file_that_the_stage_may_not_read_is_named_and_not_its_output() -> None:
    with (
        pytest.raises(HostError, match=r"^data/1\.png: Permission denied"),
        artifacts.publish(TRAIN),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "data/1.png")


def test_leftovers_of_killed_stages_are_removed_and_those_of_running_ones_are_not() -> None:
    artifacts.write_files(artifacts.PARTIAL / "train-gone", {"half.keras": b"half"})
    with artifacts.publish(TRAIN) as out:
        (out / "model.keras").write_bytes(b"abc")
        artifacts.remove_leftovers()
        assert list(artifacts.PARTIAL.iterdir()) == [out]
    assert artifacts.verify(TRAIN) == TRAIN


def test_missing_output_names_the_stage_that_makes_it() -> None:
    with pytest.raises(
        ArtifactError, match="artifacts/train/digits-ds_cnn: not found; the stage train writes it"
    ):
        artifacts.verify(TRAIN)


def test_changed_file_is_refused_by_name() -> None:
    _publish(b"abc")
    (TRAIN / "inner" / "notes.txt").write_bytes(b"abd")
    with pytest.raises(ArtifactError, match=r"inner/notes\.txt: not what train wrote"):
        artifacts.verify(TRAIN)


def test_removed_file_is_refused_by_name() -> None:
    _publish(b"abc")
    (TRAIN / "model.keras").unlink()
    with pytest.raises(ArtifactError, match=r"model\.keras: not what train wrote"):
        artifacts.verify(TRAIN)


def test_an_output_behind_a_link_to_a_moved_cache_says_where_it_leads() -> None:
    _publish(b"abc")
    (TRAIN / "model.keras").unlink()
    (TRAIN / "model.keras").symlink_to("/gone/cache/ab")
    link = "a link to /gone/cache/ab, which does not exist"
    with pytest.raises(ArtifactError, match=f"not what train wrote: {link}; expected"):
        artifacts.verify(TRAIN)
    (TRAIN / "SHA256SUMS").unlink()
    (TRAIN / "SHA256SUMS").symlink_to("/gone/cache/ab")
    with pytest.raises(ArtifactError, match=f"^{TRAIN}: {link}; the stage train writes it"):
        artifacts.verify(TRAIN)


def test_a_file_that_was_added_is_refused() -> None:
    _publish(b"abc")
    (TRAIN / "more.txt").write_bytes(b"abc")
    with pytest.raises(ArtifactError, match=r"more\.txt: .*: no line of SHA256SUMS names it"):
        artifacts.verify(TRAIN)


def test_one_file_is_replaced_whole() -> None:
    target = artifacts.ROOT / "revision"
    artifacts.write(target, b"one")
    artifacts.write(target, b"two")
    assert artifacts.read_files(artifacts.ROOT) == {"revision": b"two"}


def test_file_that_cannot_be_replaced_leaves_nothing_half_written() -> None:
    target = artifacts.ROOT / "revision"
    target.mkdir(parents=True)
    with pytest.raises(HostError, match="Is a directory"):
        artifacts.write(target, b"one")
    assert [path.name for path in artifacts.ROOT.iterdir()] == ["revision"]


def test_files_survive_the_trip_to_disk_in_the_order_of_their_paths() -> None:
    files = {"b.bin": b"\x00\xff", "a/b/c.txt": b"deep"}
    artifacts.write_files(artifacts.ROOT, files)
    assert list(artifacts.read_files(artifacts.ROOT).items()) == [
        ("a/b/c.txt", b"deep"),
        ("b.bin", b"\x00\xff"),
    ]
