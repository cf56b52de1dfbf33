"""A bundle whose files do not belong together is removed as a whole, and says why."""

import shutil
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.bundle import bundle_files
from tests.bundle import whole
from tests.bundle.whole import FOLDER


@pytest.fixture(autouse=True)
def _bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle of four small files and its proof; the test runs in its project."""
    monkeypatch.chdir(tmp_path)
    for platform in ("linux", "ios"):
        whole.write(platform, b"models")


def _names() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.name.startswith("linux"))


def test_a_whole_bundle_stays() -> None:
    before = artifacts.read_files(FOLDER)
    assert bundle_files.remove_incomplete(["linux", "ios", "android"]) == []
    assert artifacts.read_files(FOLDER) == before


@pytest.mark.parametrize(
    "name", ["linux", "linux.zip", "linux.samples", "linux.measurements.json", "linux.proof"]
)
def test_a_bundle_without_one_of_its_files_is_removed(name: str) -> None:
    path = FOLDER / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert bundle_files.remove_incomplete(["linux", "ios"]) == [
        f"bundle linux: removed, because {path} is missing"
    ]
    assert _names() == []
    assert bundle_files.fault("ios") == ""


@pytest.mark.parametrize("path", ["linux/manifest.json", "linux.zip", "linux.measurements.json"])
def test_a_proof_of_an_earlier_build_does_not_stay(path: str) -> None:
    artifacts.write(FOLDER / path, b"newer models")
    assert bundle_files.remove_incomplete(["linux"]) == [
        "bundle linux: removed, because artifacts/package/linux.proof is of another build than "
        f"artifacts/package/{path}"
    ]
    assert _names() == []


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\0"])
def test_a_damaged_proof_does_not_stay(content: bytes) -> None:
    (FOLDER / "linux.proof/provenance.json").write_bytes(content)
    (line,) = bundle_files.remove_incomplete(["linux"])
    start = "bundle linux: removed, because artifacts/package/linux.proof is damaged (provenance: "
    assert line.startswith(start)


def test_the_proof_is_removed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that is killed leaves nothing that verifies."""
    removed = []
    monkeypatch.setattr(shutil, "rmtree", lambda path: removed.append(path.name))
    bundle_files.remove("linux")
    assert removed == ["linux.proof", "linux.samples", "linux"]
